"""`/status-pages`: what strangers are shown, and of which monitors."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from sentinelweb import pages
from sentinelweb.forms.status_pages import AddMonitorsForm, ItemsForm, PageForm
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.models import StatusPage
from sentinelweb.services import monitor_list, status_pages
from sentinelweb.services.status_pages import MAX_FOUND, MAX_ITEMS

bp = Blueprint("status_pages", __name__, url_prefix="/status-pages")
bp.before_request(login_required(lambda: None))


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template(
        "status_pages/index.html",
        status_pages=status_pages.of_teams(current_user),
        base_url=pages.base_url(),
    )


@bp.route("/add", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    form = PageForm(data={"is_first": not status_pages.has_first()})
    form.offer(may_choose_first=status_pages.may_choose_first(current_user), is_new=True)
    if form.validate_on_submit():
        with form.showing_refusals():
            page = status_pages.create(
                current_user, form.values(), with_all_monitors=form.with_all_monitors.data
            )
            flash(_("The page is made. Choose what it shows."), "success")
            return redirect(_address(page.id), 303)
    status = 422 if form.is_submitted() else 200
    return render_template("status_pages/form.html", form=form), status


@bp.get("/<int:page_id>")
def show(page_id: int) -> ResponseReturnValue:
    page = status_pages.get(current_user, page_id)
    return _show(page, _items_form(page), AddMonitorsForm())


@bp.route("/<int:page_id>/edit", methods=["GET", "POST"])
def edit(page_id: int) -> ResponseReturnValue:
    page = status_pages.get(current_user, page_id, to_change=True)
    form = PageForm(obj=page)
    form.offer(may_choose_first=status_pages.may_choose_first(current_user), is_new=False)
    if form.validate_on_submit():
        with form.showing_refusals():
            status_pages.edit(current_user, page_id, form.values(page))
            flash(_("Saved."), "success")
            return redirect(_address(page_id), 303)
    status = 422 if form.is_submitted() else 200
    return render_template("status_pages/form.html", form=form, page=page), status


@bp.route("/<int:page_id>/delete", methods=["GET", "POST"])
def delete(page_id: int) -> ResponseReturnValue:
    if request.method == "POST":
        title = status_pages.delete(current_user, page_id)
        flash(_("“%(name)s” was deleted.", name=title), "success")
        return redirect(url_for("status_pages.index"), 303)
    page = status_pages.get(current_user, page_id, to_change=True)
    return render_template(
        "confirm.html",
        title=_("Delete “%(name)s”?", name=page.title),
        question=_("Its address and its badges lead nowhere from then on. Its monitors stay."),
        confirm_button=_("Delete"),
        cancel_url=_address(page_id),
    )


@bp.post("/<int:page_id>/monitors")
def save_monitors(page_id: int) -> ResponseReturnValue:
    page = status_pages.get(current_user, page_id, to_change=True)
    form = ItemsForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            status_pages.arrange(current_user, page_id, form.values(), form.taken_off())
            flash(_("Saved."), "success")
            return redirect(_address(page_id), 303)
    return _show(page, form, AddMonitorsForm(formdata=None)), 422


@bp.post("/<int:page_id>/monitors/add")
def add_monitors(page_id: int) -> ResponseReturnValue:
    page = status_pages.get(current_user, page_id, to_change=True)
    form = AddMonitorsForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            chosen = form.monitors.data or []
            count = status_pages.add_monitors(
                current_user, page_id, chosen, form.section.data or ""
            )
            added = ngettext("%(n)s monitor was added.", "%(n)s monitors were added.", count)
            flash(added, "success")
            return redirect(_address(page_id), 303)
    return _show(page, _items_form(page), form), 422


def _show(page: StatusPage, items_form: ItemsForm, add_form: AddMonitorsForm) -> str:
    search = monitor_list.clean(request.args.get("search", ""))
    found = status_pages.find_monitors(page, search)
    add_form.offer(found)
    items = status_pages.items(page)
    return render_template(
        "status_pages/show.html",
        page=page,
        items=items,
        monitors={str(item.monitor_id): item.monitor for item in items},
        sections=list(dict.fromkeys(filter(None, (item.section for item in items)))),
        form=items_form,
        add_form=add_form,
        found=found,
        search=search,
        is_full=len(items) >= MAX_ITEMS,
        has_more=len(found) == MAX_FOUND,
        base_url=pages.base_url(),
    )


def _items_form(page: StatusPage) -> ItemsForm:
    return ItemsForm.of(status_pages.values_of(status_pages.items(page)))


def _address(page_id: int) -> str:
    return url_for("status_pages.show", page_id=page_id)
