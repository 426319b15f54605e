"""How the ledger's records are written as DynamoDB items, and read back."""
