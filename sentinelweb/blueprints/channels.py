"""`/channels`: where alerts go, and what became of each."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import notifiers, pages
from sentinelweb.extensions import limiter, settings
from sentinelweb.forms.channels import ChannelForm, ChatsForm, MonitorsForm, channel_form
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.models import Channel
from sentinelweb.services import channels, delivery_log, scoping

bp = Blueprint("channels", __name__, url_prefix="/channels")
bp.before_request(login_required(lambda: None))

# Each makes the server call somebody else's.
calls_out = limiter.limit("30 per minute", methods=["POST"])


@bp.get("")
def index() -> ResponseReturnValue:
    summaries = channels.summaries(current_user)
    state = channels.state(summaries)
    if request.args.get("v") == state:
        return "", 204
    return pages.render(
        "channels/index.html", summaries=summaries, state=state, kinds=notifiers.registered()
    )


@bp.get("/add")
def choose_kind() -> ResponseReturnValue:
    scoping.administered_home(current_user)
    return render_template("channels/choose_kind.html", kinds=notifiers.registered())


@bp.route("/add/<kind>", methods=["GET", "POST"])
def add(kind: str) -> ResponseReturnValue:
    scoping.administered_home(current_user)
    notifier = channels.notifier(kind)
    form = channel_form(notifier, None, prefilled=request.args)
    if form.validate_on_submit():
        with form.showing_refusals():
            channel = channels.create(
                current_user,
                kind,
                form.values(),
                settings(),
                for_all_monitors=form.for_all_monitors.data,
            )
            flash(_("Added. Send a test to see whether it works."), "success")
            return redirect(_page(channel.id), 303)
    return _form_page(form, None)


@bp.post("/preview/<kind>")
@limiter.limit("120 per minute")  # a template may keep the processor busy
def preview(kind: str) -> ResponseReturnValue:
    """The form as it was filled in, or its preview alone when htmx asks. Nothing is saved."""
    channel_id = request.args.get("channel", type=int)
    channel = channels.get(current_user, channel_id) if channel_id else None
    notifier = channels.notifier(channel.kind if channel else kind)
    return _form_page(channel_form(notifier, channel, prefilled={}), channel)


def _form_page(form: ChannelForm, channel: Channel | None) -> str:
    team_id = scoping.home_team(current_user)
    previews, problem = channels.previews(form.notifier, form.values(), settings())
    return pages.render(
        "channels/form.html",
        form=form,
        notifier=form.notifier,
        channel=channel,
        monitors=[] if channel else channels.available_monitors(team_id),
        previews=previews,
        preview_problem=problem,
    )


@bp.get("/<int:channel_id>")
def show(channel_id: int) -> ResponseReturnValue:
    channel = channels.get(current_user, channel_id)
    before = request.args.get("before", type=int)
    state = delivery_log.state(channel, before)
    if request.args.get("v") == state:
        return "", 204
    form = MonitorsForm()
    form.offer(channels.available_monitors(channel.team_id), channels.monitor_ids(channel))
    return pages.render(
        "channels/show.html",
        channel=channel,
        notifier=notifiers.registered().get(channel.kind),
        destination=channels.destination(channel),
        log=delivery_log.of_channel(channel, before),
        before=before,
        state=state,
        form=form,
    )


@bp.post("/<int:channel_id>/monitors")
def choose_monitors(channel_id: int) -> ResponseReturnValue:
    channel = channels.get(current_user, channel_id, to_change=True)
    form = MonitorsForm()
    form.offer(channels.available_monitors(channel.team_id), [])
    if form.validate_on_submit():
        channels.choose_monitors(current_user, channel_id, form.monitors.data or [])
        flash(_("Saved."), "success")
    else:
        flash(_("Something was deleted meanwhile. Choose again."), "error")
    return redirect(_page(channel_id), 303)


@bp.route("/<int:channel_id>/edit", methods=["GET", "POST"])
def edit(channel_id: int) -> ResponseReturnValue:
    channel = channels.get(current_user, channel_id, to_change=True)
    notifier = channels.notifier(channel.kind)
    form = channel_form(notifier, channel, prefilled=request.args)
    if form.validate_on_submit():
        with form.showing_refusals():
            channels.edit(current_user, channel_id, form.values(), settings())
            flash(_("Saved."), "success")
            return redirect(_page(channel_id), 303)
    return _form_page(form, channel)


@bp.route("/<int:channel_id>/delete", methods=["GET", "POST"])
def delete(channel_id: int) -> ResponseReturnValue:
    channel = channels.get(current_user, channel_id, to_change=True)
    if request.method == "POST":
        name = channels.delete(current_user, channel_id)
        flash(_("“%(name)s” was deleted.", name=name), "success")
        return redirect(url_for("channels.index"), 303)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=channel.name),
        question=_("This cannot be undone."),
        details=_what_goes(channel),
        confirm_button=_("Delete"),
        cancel_url=_page(channel_id),
    )


@bp.post("/<int:channel_id>/test")
@calls_out
def test(channel_id: int) -> ResponseReturnValue:
    channels.send_test(current_user, channel_id)
    flash(_("A test message is on its way. Its result appears in the log below."), "info")
    return redirect(_page(channel_id), 303)


@bp.route("/telegram/chats", methods=["GET", "POST"])
@calls_out
def telegram_chats() -> ResponseReturnValue:
    channel_id = request.values.get("channel", type=int)
    channel = channels.get(current_user, channel_id, to_change=True) if channel_id else None
    form = ChatsForm()
    chats = None
    if form.validate_on_submit():
        with form.showing_refusals():
            chats = channels.telegram_chats(channel, form.bot_token.data or "", settings())
    return pages.render("channels/telegram_chats.html", form=form, channel=channel, chats=chats)


def _page(channel_id: int) -> str:
    return url_for("channels.show", channel_id=channel_id)


def _what_goes(channel: Channel) -> list[str]:
    details = [_("The log of its deliveries will be gone, and what is on its way is not sent.")]
    if count := len(channels.monitor_ids(channel)):
        details.append(
            ngettext(
                "%(n)s monitor will no longer alert it.",
                "%(n)s monitors will no longer alert it.",
                count,
            )
        )
    return details
