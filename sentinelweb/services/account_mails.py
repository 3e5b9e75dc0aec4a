"""The mails about accounts, in the language of whoever reads them."""

from __future__ import annotations

from sentinelweb import i18n
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation, Membership, User
from sentinelweb.services import accounts, invitations, mail, passwords


def send_invitation(invitation: Invitation, base_url: str) -> bool:
    """Mail the link in the language of the moment: the invited person's is not known yet."""
    sentences = [_("You are invited to SentinelWeb, which watches over scheduled jobs.")]
    if invitation.team is not None:
        sentences.append(_("You will be in the team “%(name)s”.", name=invitation.team.name))
    body = "\n\n".join(
        (
            " ".join(sentences),
            _("Open this link to choose your password. It works once, within seven days:"),
            invitations.link(invitation, base_url),
            _("If you do not know what this is about, ignore this mail."),
        )
    )
    return mail.send(invitation.email, _("Your invitation to SentinelWeb"), body)


def send_reset_link(user: User, base_url: str) -> bool:
    """Mail a link with which `user` can choose a new password."""
    with i18n.reading_as(i18n.Reader(user.locale or i18n.DEFAULT_LOCALE)):
        body = "\n\n".join(
            (
                _("Somebody asked for a new password for your account at SentinelWeb."),
                _("Open this link to choose one. It works once, within two hours:"),
                passwords.reset_link(user, base_url),
                _("If it was not you, ignore this mail: your password stays as it is."),
            )
        )
        return mail.send(user.email, _("A new password for SentinelWeb"), body)


def tell_added(member: Membership, by: User) -> None:
    """Tell somebody who was taken into a team, where mail can be sent."""
    email, locale = member.user.email, member.user.locale or i18n.DEFAULT_LOCALE
    team, name = member.team.name, by.name

    def work() -> None:
        with i18n.reading_as(i18n.Reader(locale)):
            body = "\n\n".join(
                (
                    _("%(name)s added you to the team “%(team)s”.", name=name, team=team),
                    f"{settings().local_url}/teams",
                )
            )
            mail.send(email, _("You are in the team “%(team)s”", team=team), body)

    if mail.is_configured():
        mail.in_background(work)


def offer_reset(email: str) -> None:
    """Mail a reset link to `email` if it has an account, without letting the caller know."""

    def work() -> None:
        if user := accounts.find(email):
            # Never the address of the request: anybody can ask with a Host of their own choice.
            send_reset_link(user, settings().local_url)

    mail.in_background(work)
