"""How a transform job is carried out: its objects, its records, its model server and what is done to the results."""
