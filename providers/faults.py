"""What the operating system refused, told as an error of the user's machine and not as a bug of ours."""

from __future__ import annotations

import errno

_WHAT_HELPS = {
    errno.ENOSPC: "free some space on that disk, and run the command again",
    errno.EDQUOT: "free some space within your quota, and run the command again",
    errno.EROFS: "make it writable, or put it on a disk that is",
    errno.EACCES: "make it readable and writable for this user",
    errno.EPERM: "make it readable and writable for this user",
    errno.ENOTDIR: "a file is where a folder is needed; move it away, or choose another place",
    errno.EEXIST: "something else is there; move it away, or choose another place",
    errno.EISDIR: "a folder is where a file is needed; move it away, or choose another place",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "a symbolic link leads back to itself; remove it",
}


def told(error: OSError) -> str:
    """One sentence: the file, what is wrong with it, and what would help."""
    files = [str(name) for name in (error.filename, error.filename2) if name is not None]
    place = f"{' or '.join(files)}: " if files else ""
    helps = _WHAT_HELPS.get(error.errno or 0)
    return f"{place}{error.strerror or error or type(error).__name__}{f'; {helps}' if helps else ''}"
