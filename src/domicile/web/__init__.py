"""What both planes' HTTP edges share: bodies, problems, paging, idempotency, the shape of the published document."""
