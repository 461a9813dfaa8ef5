"""What services say of the accounts that they were to delete: their receipts, and who still owes one."""
