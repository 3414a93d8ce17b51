"""Services that moto lacks or has too weakly, one module per AWS service."""
