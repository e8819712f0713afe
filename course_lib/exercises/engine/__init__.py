"""What every exercise shares: the declaration, checking, hidden cases, progress."""
