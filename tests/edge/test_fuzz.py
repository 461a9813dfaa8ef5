"""Schemathesis makes up requests from the published document, good ones and bad ones: no answer is a fault of ours or undocumented."""

import hypothesis
import hypothesis.errors
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.operations import Operation, operations_of
from tests.support.scene import Scene, make_scene
from tests.support.world import World

_CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
_EVERYWHERE = {405, 413}
"""Statuses that belong to HTTP rather than to an operation."""
_EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 6}


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return make_scene(world)


# The server, in a thread of this process, draws its jitter while a strategy draws too.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("mode", _EXAMPLES, ids=lambda mode: mode.value)
def test_no_made_up_request_brings_about_a_fault_or_an_undocumented_answer(
    world: World, scene: Scene, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    document = world.anyone.call("GET", "/openapi.json")
    known = {(each.method, each.path): each for each in operations_of(world.server)}
    tried = 0
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        ours = known[operation.method.upper(), operation.path]
        with subtests.test(operation=str(ours)):
            tried += _fuzz(operation, ours, scene, mode)
    assert tried > 200


def _fuzz(operation: APIOperation, ours: Operation, scene: Scene, mode: GenerationMode) -> int:
    tried = 0

    @hypothesis.settings(
        max_examples=_EXAMPLES[mode],
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.filter_too_much,
            hypothesis.HealthCheck.data_too_large,
        ],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        nonlocal tried
        tried += 1
        if ours.method != "DELETE" and tried % 3:
            case.path_parameters.update({name: scene.ids[name] for name in ours.parameters})
        authorization = scene.api_for(ours).authorization
        headers = {"Authorization": authorization} if authorization else {}
        response = case.call(base_url=scene.world.server.url, headers=headers)
        if response.status_code not in _EVERYWHERE:
            case.validate_response(response, checks=_CHECKS)

    try:
        send()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # there is no wrong way of calling it
    return tried
