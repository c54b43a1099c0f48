"""How a tuning job is carried out: its ranges, its search, its trials and when it ends."""
