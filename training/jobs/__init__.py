"""What a platform hands to a job, and where it wants the results: one neutral form, one shim a contract."""
