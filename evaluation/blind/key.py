"""The key of a blind page: who stands on which side, sealed so that nobody reads it by accident.

The seal keeps a rater from seeing the sides in the page, in its source or in a votes file. It is no protection against
somebody who wants to know: whoever has this package can open it, and that is how votes are unblinded.
"""

import base64
import binascii
import hashlib
import itertools
import json
import zlib
from dataclasses import dataclass
from typing import Any, Final, Literal

Preference = Literal["first", "second", "tie"]

_SALT_BYTES: Final = 16
_CHECK_BYTES: Final = 8


@dataclass(frozen=True)
class Key:
    """What a page was made of."""

    labels: tuple[str, str]
    """The first and the second folder's label."""
    first_is_left: dict[str, bool]
    """By the pair's name, in the order in which the page shows them."""
    material: str
    """Hash of the labels and of all pictures: pages of other seeds with the same pictures have the same."""

    def preference(self, pair: str, choice: str) -> Preference:
        """Return what a choice of `left`, `right` or `tie` means for a pair."""
        if choice == "tie":
            return "tie"
        return "first" if (choice == "left") == self.first_is_left[pair] else "second"


def sealed(key: Key, salt: bytes) -> str:
    """Return a key as text that tells nothing at a glance.

    Args:
        key: Who stands where.
        salt: 16 random bytes.
    """
    plain = json.dumps([key.labels, key.first_is_left, key.material]).encode("utf-8")
    payload = _check(plain) + zlib.compress(plain, 9)
    return base64.urlsafe_b64encode(salt + _masked(payload, salt)).decode("ascii")


def opened(text: str) -> Key:
    """Return the key that was sealed.

    Raises:
        ValueError: The text is no sealed key, or was changed.
    """
    try:
        content = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        payload = _masked(content[_SALT_BYTES:], content[:_SALT_BYTES])
        plain = zlib.decompress(payload[_CHECK_BYTES:])
    except (binascii.Error, UnicodeEncodeError, zlib.error) as err:
        raise ValueError("the key is damaged") from err
    if _check(plain) != payload[:_CHECK_BYTES]:
        raise ValueError("the key is damaged")
    labels, first_is_left, material = json.loads(plain)
    return Key((labels[0], labels[1]), first_is_left, material)


def page_name(sealed_key: str) -> str:
    """Return the short name of the page that has this key."""
    return hashlib.sha256(sealed_key.encode("ascii")).hexdigest()[:12]


def _check(plain: bytes) -> bytes:
    return hashlib.sha256(plain).digest()[:_CHECK_BYTES]


def _masked(content: bytes, salt: bytes) -> bytes:
    """Return the content under a mask that the salt sets; doing it twice takes the mask off."""
    blocks: Any = (hashlib.sha256(salt + number.to_bytes(8, "big")).digest() for number in itertools.count())
    return bytes(byte ^ mask for byte, mask in zip(content, itertools.chain.from_iterable(blocks), strict=False))
