"""Jobs: processes that outlive the command that started them."""
