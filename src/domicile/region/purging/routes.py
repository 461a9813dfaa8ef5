"""The HTTP edge of deletion receipts."""

from litestar import get
from litestar.params import FromPath, SkipValidation

from domicile.kernel.ids import find_receipt_id, region_of_receipt
from domicile.region.purging import service
from domicile.region.purging.domain import RECEIPT_TYPE, no_receipt
from domicile.region.purging.schemas import DeletionReceiptBody, shape_receipt
from domicile.region.regions import Regions
from domicile.web.operations import Access, operation


@get(
    "/api/deletion-receipts/{receipt_id:str}",
    summary="Read a deletion receipt",
    tags=["Accounts"],
    opt=operation(Access.ANYONE, errors=("not-found", "wrong-region")),
)
async def read_receipt(receipt_id: FromPath[str], regions: SkipValidation[Regions]) -> DeletionReceiptBody:
    """For whoever knows the id, which nobody can guess: no account is left to ask. It holds ids, dates and numbers, nothing personal."""
    receipt_id_known = find_receipt_id(receipt_id)
    if receipt_id_known is None:
        raise no_receipt()
    region = region_of_receipt(receipt_id_known)
    if region not in {known.id for known in regions.all}:
        raise no_receipt()
    plane = regions.plane(region)
    receipt, of_services = await service.get_receipt(plane, receipt_id_known)
    claims = plane.signer.read(receipt.signed, type_=RECEIPT_TYPE)
    if claims is None:
        raise no_receipt()
    filed = await service.find_filed_digest(plane.directory, receipt.id)
    return shape_receipt(receipt, claims, filed, of_services, now=plane.clock())


ROUTES = [read_receipt]
