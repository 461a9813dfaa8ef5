"""What each problem means: the pages that `type` points to."""

from litestar import Response, get
from litestar.params import FromPath, SkipValidation

from domicile.console.problems.pages import load_problem_pages
from domicile.console.views import View
from domicile.kernel.errors import not_found


@get("/problems")
async def list_problems(view: SkipValidation[View]) -> Response[str]:
    """Every code, with its status."""
    return view.render("problems/templates/list.html", problems=load_problem_pages().values())


@get("/problems/{code:str}")
async def show_problem(view: SkipValidation[View], code: FromPath[str]) -> Response[str]:
    """What one code means, and what to do."""
    if (page := load_problem_pages().get(code)) is None:
        raise not_found("page")
    return view.render("problems/templates/problem.html", problem=page)


ROUTES = [list_problems, show_problem]
