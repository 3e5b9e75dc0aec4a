"""What is said after an invitation or a reset link was made: whether it is mailed already."""

from __future__ import annotations

from flask import flash

from sentinelweb import pages
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation
from sentinelweb.services import account_mails, mail


def pass_on(invitation: Invitation) -> None:
    """Mail the link where that is possible, and say what became of it."""
    if not mail.is_configured():
        flash(_("Invited. Send the link below to %(email)s.", email=invitation.email))
    else:
        mailed = account_mails.send_invitation(invitation, pages.base_url())
        flash_mailed(invitation.email, mailed=mailed)


def flash_mailed(email: str, *, mailed: bool) -> None:
    if mailed:
        flash(_("A mail with the link went to %(email)s.", email=email), "success")
    else:
        flash(_("The mail could not be sent. Pass the link on yourself."), "warning")
