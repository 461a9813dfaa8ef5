"""Domicile for services of the platform: who is calling, what they may do, and what to ask Domicile for."""

from domicile_sdk.clock import Clock
from domicile_sdk.exchange import Unreachable
from domicile_sdk.following import WORST_CASE_SECONDS, State
from domicile_sdk.guard import AsyncGuard, Guard
from domicile_sdk.manifest import Manifest, ManifestFault, UnknownPermission, read_manifest
from domicile_sdk.principal import Principal, PrincipalKind
from domicile_sdk.problem import Problem
from domicile_sdk.refusal import Refused
from domicile_sdk.requiring import current_principal, dependency, require
from domicile_sdk.service import Service

__all__ = [
    "WORST_CASE_SECONDS",
    "AsyncGuard",
    "Clock",
    "Guard",
    "Manifest",
    "ManifestFault",
    "Principal",
    "PrincipalKind",
    "Problem",
    "Refused",
    "Service",
    "State",
    "UnknownPermission",
    "Unreachable",
    "current_principal",
    "dependency",
    "read_manifest",
    "require",
]
