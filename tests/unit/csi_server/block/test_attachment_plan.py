# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which situation of a volume leads to which action."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mooring.storage.csi_server.block import attachment_plan as plan
from ansible_collections.mooring.storage.csi_server.block.attachment_plan import (
    Attach,
    AwaitCreation,
    Complete,
    Detach,
    Done,
    Patience,
    Refuse,
    Release,
    Remove,
    RollBack,
    Server,
    Situation,
    Wait,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Busy, InUse, NotFound
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume import (
    Attachment,
    AttachmentRecord,
    Volume,
)

HERE, THERE = "here", "there"
GONE, WITHOUT, WITH = Server.GONE, Server.WITHOUT, Server.WITH
PATIENCE = Patience()
REFUSED = InUse("Nova's words")
AGES = 1000.0


def record(status: str, server: str = HERE) -> AttachmentRecord:
    return AttachmentRecord(f"{status}-{server}", server, status)


def situation(
    status: str,
    *records: AttachmentRecord,
    here: Server = WITHOUT,
    there: Server = WITHOUT,
    unchanged: float = AGES,
    ours: bool = True,
    multiattach: bool = False,
) -> Situation:
    attachments = tuple(
        Attachment(r.id, r.server_id, host="" if r.server_id else "metal-7")
        for r in records
        if r.status == "attached"
    )
    volume = Volume("v", "pvc-1", status, 1, "fast", "az1", multiattach, attachments=attachments)
    return Situation(volume, records, {HERE: here, THERE: there}, ours, unchanged)


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (situation("available"), Attach()),
        (situation("creating"), AwaitCreation()),
        (situation("in-use", record("attached"), here=WITH), Done()),
        # The status lies, the attachment does not.
        (situation("error", record("attached"), here=WITH), Done()),
        # Left over from a server that is gone.
        (situation("in-use", record("attached", THERE), there=GONE), Remove(("attached-there",))),
        (situation("reserved", record("reserved", THERE), there=GONE), Remove(("reserved-there",))),
        (situation("error", record("error_attaching", THERE), there=GONE),
         Remove(("error_attaching-there",))),
        # Cinder says here, Nova says not.
        (situation("in-use", record("attached")), Remove(("attached-here",))),
        # Statuses that nobody stands behind.
        (situation("error_attaching"), Release()),
        (situation("error_detaching"), Release()),
        (situation("in-use"), Release()),
    ],
)  # fmt: skip
def test_attach(now: Situation, action: plan.Action) -> None:
    assert plan.plan_attach(now, HERE, REFUSED, PATIENCE) == action


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("in-use", Attach()),
        ("error_detaching", Complete("attached-there")),
        ("reserved", Complete("attached-there")),
    ],
)
def test_attach_beside_others(status: str, action: plan.Action) -> None:
    now = situation(status, record("attached", THERE), there=WITH, multiattach=True)
    assert plan.plan_attach_shared(now, HERE, REFUSED, PATIENCE) == action
    refuse = plan.plan_attach(now, HERE, REFUSED, PATIENCE)
    assert isinstance(refuse, Refuse)
    assert "attached to server there, and is published for one node at a time" in refuse.error.message


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (situation("available"), Done()),
        (situation("in-use"), Release()),
        (situation("detaching"), Release()),
        (situation("error_attaching"), Release()),
        (situation("reserved", record("reserved", THERE), there=GONE), Remove(("reserved-there",))),
        (situation("reserved", record("reserved", THERE)), Remove(("reserved-there",))),
        (situation("reserved", record("reserved", "")), Remove(("reserved-",))),
        # A server that Nova does not show may be another project's.
        (situation("in-use", record("attached", THERE), there=GONE), Refuse(REFUSED)),
        (
            situation("in-use", record("attached", THERE), record("reserved", HERE), there=GONE),
            Refuse(REFUSED),
        ),
        # Somebody has it, or may have it, or something else is in the way.
        (situation("in-use", record("attached", THERE), there=WITH), Refuse(REFUSED)),
        (situation("in-use", record("attached", THERE)), Refuse(REFUSED)),
        (situation("in-use", record("attached", "")), Refuse(REFUSED)),
        (situation("reserved", record("reserved", THERE), there=WITH), Refuse(REFUSED)),
        (situation("uploading"), Refuse(REFUSED)),
    ],
)
def test_free(now: Situation, action: plan.Action) -> None:
    assert plan.plan_free(now, REFUSED, PATIENCE) == action


@pytest.mark.parametrize(
    "now",
    [
        situation("reserved", record("reserved", THERE), unchanged=20),
        situation("reserved", record("reserved", THERE), there=GONE, unchanged=20),
        situation("reserved", record("reserved", ""), unchanged=20),
        situation("attaching", unchanged=20),
    ],
)
def test_who_may_be_at_work_has_time_before_a_deletion(now: Situation) -> None:
    refuse = plan.plan_free(now, REFUSED, PATIENCE)
    assert isinstance(refuse, Refuse)
    assert isinstance(refuse.error, Busy)


def test_what_is_not_ours_is_not_freed() -> None:
    refuse = plan.plan_free(situation("error_attaching", ours=False), REFUSED, PATIENCE)
    assert isinstance(refuse, Refuse)
    assert "not made by this driver" in refuse.error.message


@pytest.mark.parametrize("status", ["reserved", "attaching", "error_attaching"])
def test_nobody_completes_what_another_node_is_being_given(status: str) -> None:
    now = situation(status, record("attaching", THERE), there=WITH, multiattach=True)
    assert isinstance(plan.plan_attach_shared(now, HERE, REFUSED, PATIENCE), plan.Wait)
    now = situation(
        status, record("attaching", "third"), record("attached", THERE), there=WITH, multiattach=True
    )
    now.servers["third"] = WITH  # type: ignore[index]
    assert plan.plan_attach_shared(now, HERE, REFUSED, PATIENCE) == Complete("attached-there")


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (situation("available"), Done()),
        (situation("available", here=GONE), Done()),
        (situation("in-use"), Release()),
        (situation("in-use", record("attached", THERE), there=WITH), Done()),
        (situation("reserved", record("reserved", THERE), there=WITH), Done()),
        (situation("in-use", record("attached"), here=GONE), Remove(("attached-here",))),
        (situation("reserved", record("reserved"), here=GONE), Remove(("reserved-here",))),
        (situation("in-use", record("attached"), here=GONE, ours=False), Remove(("attached-here",))),
        (situation("in-use", record("attached")), Remove(("attached-here",))),
        (situation("in-use", record("attached"), here=WITH), Detach("attached-here")),
        (situation("in-use", record("error_detaching"), here=WITH), Detach("error_detaching-here")),
        *((situation(status, record("attached"), here=WITH), Detach("attached-here"))
          for status in ("available", "error", "error_attaching", "error_detaching")),
    ],
)  # fmt: skip
def test_detach(now: Situation, action: plan.Action) -> None:
    assert plan.plan_detach(now, HERE, REFUSED, PATIENCE) == action


@pytest.mark.parametrize(
    ("planner", "now", "after", "action"),
    [
        (plan.plan_attach, ("reserved", [record("reserved")], {}), 8, Remove(("reserved-here",))),
        (plan.plan_attach, ("reserved", [record("reserved", THERE)], {}), 8, Remove(("reserved-there",))),
        (plan.plan_attach, ("reserved", [record("reserved", "")], {}), 8, Remove(("reserved-",))),
        (plan.plan_attach, ("reserved", [], {}), 8, Release()),
        (plan.plan_attach, ("attaching", [], {}), 8, Release()),
        (plan.plan_attach, ("detaching", [], {}), 8, Release()),
        (plan.plan_attach, ("attaching", [record("attaching")], {"here": WITH}), 300, InUse),
        (plan.plan_attach, ("reserved", [record("reserved")], {"here": WITH}), 300, InUse),
        # Nova still has it, and is taking it away.
        (plan.plan_attach, ("detaching", [record("attached")], {"here": WITH}), 180, RollBack()),
        (plan.plan_attach_shared, ("detaching", [record("attached")], {"here": WITH}), 180, RollBack()),
        (plan.plan_detach, ("reserved", [record("reserved")], {}), 8, Remove(("reserved-here",))),
        (plan.plan_detach, ("attaching", [], {}), 8, Release()),
        (plan.plan_detach, ("detaching", [record("attached")], {"here": WITH}), 180, RollBack()),
        (plan.plan_detach, ("attaching", [record("attached")], {"here": WITH}), 8, Detach("attached-here")),
        (plan.plan_detach, ("reserved", [record("reserved")], {"here": WITH}), 300, InUse),
    ],
)  # fmt: skip
def test_what_somebody_may_be_at_work_on_is_waited_for_first(
    planner: Any, now: tuple[str, list[AttachmentRecord], Any], after: float, action: Any
) -> None:
    status, records, servers = now
    before = situation(status, *records, **servers, unchanged=after - 0.1)
    assert isinstance(planner(before, HERE, REFUSED, PATIENCE), Wait)
    then = planner(situation(status, *records, **servers, unchanged=after), HERE, REFUSED, PATIENCE)
    if isinstance(action, type):
        assert isinstance(then, Refuse)
        assert isinstance(then.error, action)
    else:
        assert then == action


@pytest.mark.parametrize(
    ("now", "kind", "words"),
    [
        (situation("available", here=GONE), NotFound, "server here does not exist"),
        (situation("in-use", record("attached", THERE), there=WITH), InUse, "attached to server there"),
        (situation("in-use", record("attached", ""), there=WITH), InUse, "attached to host metal-7"),
        (situation("detaching", record("attached", THERE), there=WITH), Busy, "detached from server there"),
        # Nova is right about its own servers, but only the server's own detach may rely on it.
        (situation("in-use", record("attached", THERE)), InUse, "attached to server there"),
        (situation("error"), InUse, "openstack volume set --state available v"),
        (situation("backing-up"), InUse, "Nova's words"),
        (situation("in-use", ours=False), InUse, "not made by this driver for this cluster"),
        (situation("reserved", record("reserved", THERE), ours=False), InUse, "reserved-there reserved"),
    ],
)  # fmt: skip
def test_attach_refuses_with_the_reason(now: Situation, kind: type[Exception], words: str) -> None:
    action = plan.plan_attach(now, HERE, REFUSED, PATIENCE)
    assert isinstance(action, Refuse)
    assert isinstance(action.error, kind)
    assert words in action.error.message


def test_detach_leaves_what_is_not_ours_alone() -> None:
    assert plan.plan_detach(situation("reserved", ours=False), HERE, REFUSED, PATIENCE) == Done()


def test_half_attached_is_told_to_be_novas_matter() -> None:
    action = plan.plan_detach(situation("attaching", here=WITH), HERE, REFUSED, PATIENCE)
    assert isinstance(action, Refuse)
    assert "for 1000 s Nova has listed it there" in action.error.message
    assert "openstack server reboot --hard" in action.error.message
