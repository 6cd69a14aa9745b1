"""Further people in a Label Studio on this machine, each with a token of their own.

Label Studio's API makes users that have no password and so cannot log in; this signs up the way a person does, by
the form.
"""

from __future__ import annotations

import requests
from lxml import etree

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.traces.errors import RefusedError, ServerError

__all__ = ["add_user"]

_SECONDS = 30


def add_user(label_studio: LocalLabelStudio, email: str, password: str) -> str:
    """Makes a user in the owner's organization, who sees and annotates its projects, and returns the user's API token.

    Raises RefusedError when Label Studio does not take the address or the password (the address is known already, the
    password is shorter than eight characters), and ServerError when it cannot be reached or fails.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy from the environment cannot reach loopback
            _sign_up(session, f"{label_studio.url}/user/signup/", email, password)
            token = session.get(f"{label_studio.url}/api/current-user/token", timeout=_SECONDS)
            token.raise_for_status()
            return str(token.json()["token"])
    except requests.RequestException as error:
        raise ServerError(f"Label Studio at {label_studio.url} failed to make the user {email}: {error}") from None


def _sign_up(session: requests.Session, form: str, email: str, password: str) -> None:
    session.get(form, timeout=_SECONDS).raise_for_status()
    fields = {"email": email, "password": password, "allow_newsletters": "false"}
    answer = session.post(
        form,
        data={**fields, "csrfmiddlewaretoken": session.cookies["csrftoken"]},
        allow_redirects=False,
        timeout=_SECONDS,
    )
    answer.raise_for_status()
    if not answer.is_redirect:
        raise RefusedError(f"Label Studio does not take the user {email}: {_complaints(answer.text)}")


def _complaints(page: str) -> str:
    found = etree.fromstring(page, etree.HTMLParser()).xpath("//*[@class='field_errors']/li/text()")
    return " ".join(str(text) for text in found) if isinstance(found, list) and found else "it does not say why"
