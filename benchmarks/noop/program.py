"""200 independent resources that do nothing: the program both engines run."""

import pulumi


class Noop(pulumi.CustomResource):
    """A resource with one input."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__("noop:index:Noop", name, {"number": number})


for number in range(200):
    Noop(f"noop-{number}", number)
