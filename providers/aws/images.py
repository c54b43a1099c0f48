"""The images that jobs and servers run in: AWS's own for scikit-learn, the stack's own, or one that the user names.

AWS's image lies in an account of AWS's that differs by region; the table is that of `sagemaker.core.image_uris` 3.27
(`sklearn.json`). The stack's own image lies in the stack's repository, which has the name of its bucket, under a tag
that is a hash of its package list: other packages are another image.
"""

from __future__ import annotations

import hashlib
import re

from providers.errors import InvalidInput, did_you_mean
from providers.local.environments import image_lists

SCIKIT_LEARN, OWN = "scikit-learn", "own"
"""Names that a user may give instead of an address."""
VERSION = "1.4-2"
"""The release of AWS's scikit-learn image (scikit-learn 1.4.2)."""
LISTS = {SCIKIT_LEARN: "aws/scikit-learn", OWN: "aws/own"}
"""Package lists (`image_lists`) of the images, by name."""
_ACCOUNTS = {
    "af-south-1": "510948584623", "ap-east-1": "651117190479", "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698", "ap-northeast-3": "867004704886", "ap-south-1": "720646828776",
    "ap-south-2": "628508329040", "ap-southeast-1": "121021644041", "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941", "ap-southeast-4": "106583098589", "ca-central-1": "341280168497",
    "ca-west-1": "190319476487", "cn-north-1": "450853457545", "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770", "eu-central-2": "680994064768", "eu-north-1": "662702820516",
    "eu-south-1": "978288397137", "eu-south-2": "104374241257", "eu-west-1": "141502667606",
    "eu-west-2": "764974769150", "eu-west-3": "659782779980", "il-central-1": "898809789911",
    "me-central-1": "272398656194", "me-south-1": "801668240914", "sa-east-1": "737474898029",
    "us-east-1": "683313688378", "us-east-2": "257758044811", "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902", "us-west-1": "746614075791", "us-west-2": "246618743249",
}  # fmt: skip
_ADDRESS = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*([:@][\w.:-]+)?$")
_ROLE = re.compile(r"^arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/.+$")


def scikit_learn(region: str) -> str:
    """The address of AWS's image. Raises InvalidInput for a region that has none."""
    account = _ACCOUNTS.get(region)
    if account is None:
        raise InvalidInput(f"AWS has no scikit-learn image in '{region}'{did_you_mean(region, sorted(_ACCOUNTS))}")
    return f"{_registry(account, region)}/sagemaker-scikit-learn:{VERSION}-cpu-py3"


def own(container: str, role: str, region: str) -> str:
    """The address of the stack's own image, in the account of its role. Raises InvalidInput."""
    return f"{_registry(account_of(role), region)}/{container}:{own_tag()}"


def own_tag() -> str:
    """The tag that the image must have which is built of the list as it is now."""
    return hashlib.sha256(image_lists.package_list(LISTS[OWN]).read_bytes()).hexdigest()[:16]


def named(name: str, container: str, role: str, region: str) -> str:
    """The address of the image that a user names. Raises InvalidInput."""
    if name == SCIKIT_LEARN:
        return scikit_learn(region)
    if name == OWN:
        return own(container, role, region)
    if not _ADDRESS.match(name):
        raise InvalidInput(
            f"'{name}' is neither '{SCIKIT_LEARN}' nor '{OWN}' nor an address in Amazon ECR "
            "(<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>)"
        )
    return name


def list_of(address: str) -> str:
    """The package list that stands for an image on this machine, where something of it is done here."""
    return LISTS[SCIKIT_LEARN if "/sagemaker-scikit-learn" in address else OWN]


def account_of(role: str) -> str:
    """The account of a role's ARN. Raises InvalidInput for what is none."""
    found = _ROLE.match(role)
    if found is None:
        raise InvalidInput(f"'{role}' is not the ARN of a role (arn:aws:iam::<account>:role/<name>)")
    return found["account"]


def _registry(account: str, region: str) -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
