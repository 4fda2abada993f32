# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PersistentVolumeClaim that a module keeps as it shall be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._cloud.errors import CloudError, Failed, Forbidden, Timeout, Unavailable
from ..._cloud.waiting import SYSTEM_CLOCK, Clock, Deadline, wait_for
from ..cluster import Cluster, Object
from ..face import ExplainedError
from ..plan import Facts, Plan
from .plan import Action, Desired, patch_of, plan_absent, plan_present
from .readiness import Readiness, capacity, holding_pods, phase, readiness, waits_for_consumer
from .reasons import Surroundings, hopeless, reasons, sentence, told

_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
_VOLUMES = "/api/v1/persistentvolumes"

# A credential for one namespace may not read classes: the API server judges then what the class allows.
_UNSEEN_CLASS: Object = {"allowVolumeExpansion": True}


class PersistentVolumeClaim:
    """The claim that the options of the module persistent_volume_claim describe.

    :param params: the module's options.
    :raises InvalidRequest: an option's value cannot be.
    """

    def __init__(self, cluster: Cluster, params: Mapping[str, Any], clock: Clock = SYSTEM_CLOCK) -> None:
        self._cluster = cluster
        self._desired = Desired.of(params)
        self._state: str = params["state"]
        self._wait: bool = params["wait"]
        self._wait_for: str = params["wait_for"]
        self._seconds: int = params["wait_timeout"]
        self._clock = clock
        self._namespace = f"/api/v1/namespaces/{params['namespace']}"
        self._claims = f"{self._namespace}/persistentvolumeclaims"
        self._path = f"{self._claims}/{params['name']}"

    def plan(self) -> Plan:
        claim = self._cluster.find(self._path)
        if self._state == "absent":
            return plan_absent(claim)
        return plan_present(self._desired, claim, None if claim is None else self._class_of(claim))

    def predicted(self, plan: Plan) -> Facts:
        if plan.after is None:
            return {}
        return {"claim": plan.after, "volume_name": plan.after["spec"].get("volumeName")}

    def applied(self, plan: Plan) -> Facts:
        # One clock for all of it, so that a slow call leaves less time to wait.
        deadline = Deadline.after(self._seconds, self._clock)
        if self._state == "absent":
            self._remove(plan, deadline)
            return {}
        claim = self._write(plan)
        state = self._settle(claim, deadline) if self._wait else self._look(claim)
        return {**self._facts(self._current(claim)), "waiting_for": state.waiting_for}

    # ---- writing ----

    def _write(self, plan: Plan) -> Object:
        if not plan.changes:
            return self._expected(self._cluster.find(self._path))
        first = plan.changes[0]
        if first.action is Action.CREATE:
            return self._cluster.create(self._claims, first.after)
        return self._cluster.merge(self._path, patch_of(plan))

    def _remove(self, plan: Plan, deadline: Deadline) -> None:
        if plan.before is None:
            return
        for change in plan.changes:
            self._cluster.delete(self._path, uid=change.before)
        if self._wait:
            self._await_gone(deadline)

    # ---- waiting ----

    def _settle(self, claim: Object, deadline: Deadline) -> Readiness:
        uid = claim["metadata"]["uid"]

        def poll() -> Readiness | None:
            try:
                state = self._look(self._current(claim))
            except Unavailable:
                # An API server that restarts says nothing of the claim.
                return None
            return state if self._is_enough(state) else None

        try:
            return poll() or wait_for(poll, str(self._desired), deadline)
        except Timeout as timeout:
            raise self._unready(uid, f"and not ready after {self._seconds} seconds") from timeout

    def _is_enough(self, state: Readiness) -> bool:
        return state.ready and (self._wait_for == "ready" or state.bound)

    def _look(self, claim: Object) -> Readiness:
        storage_class = self._class_of(claim)
        try:
            state = readiness(claim, storage_class, self._pods_for(claim, storage_class))
        except CloudError as failed:
            raise self._unready(claim["metadata"]["uid"], failed.message) from failed
        if self._wait and phase(claim) == "Pending" and storage_class is None:
            hindrance = hopeless(self._surroundings(claim))
            if hindrance is not None:
                raise self._unready(claim["metadata"]["uid"], "and stays so")
        return state

    def _pods_for(self, claim: Object, storage_class: Object | None) -> list[Object]:
        # Asked for only where the answer depends on them: a namespace may hold thousands.
        conditions = (claim.get("status") or {}).get("conditions")
        if not conditions and not waits_for_consumer(claim, storage_class):
            return []
        return self._seen(f"{self._namespace}/pods") or []

    def _await_gone(self, deadline: Deadline) -> None:
        first = self._cluster.find(self._path)
        if first is None:
            return
        uid = first["metadata"]["uid"]

        def poll() -> bool | None:
            try:
                claim = self._cluster.find(self._path)
            except Unavailable:
                return None
            return True if claim is None or claim["metadata"]["uid"] != uid else None

        try:
            wait_for(poll, f"{self._desired} to go", deadline)
        except Timeout as timeout:
            raise self._held(first) from timeout

    # ---- telling ----

    def _held(self, claim: Object) -> ExplainedError:
        holding = holding_pods(claim, self._seen(f"{self._namespace}/pods") or [])
        pods = sorted(pod["metadata"]["name"] for pod in holding)
        finalizers = ", ".join(claim["metadata"].get("finalizers") or []) or "none"
        why = (
            f"pods use it: {', '.join(pods)}; delete them first" if pods else f"its finalizers: {finalizers}"
        )
        message = f"{self._desired} is being deleted, and still there after {self._seconds} seconds: {why}"
        return ExplainedError(message, {**self._facts(claim), "pods": pods})

    def _unready(self, uid: str, what: str) -> ExplainedError:
        claim = self._cluster.find(self._path)
        if claim is None or claim["metadata"]["uid"] != uid:
            return ExplainedError(f"{self._desired} was deleted while it was waited for", {})
        facts = self._facts(claim)
        why = reasons(self._surroundings(claim))
        about = f"{self._desired} is {phase(claim)}, {what}"
        return ExplainedError(sentence(about, why, facts["events"]), {**facts, "reasons": why})

    def _facts(self, claim: Object) -> Facts:
        claim["metadata"].pop("managedFields", None)
        return {
            "claim": claim,
            "phase": phase(claim),
            "volume_name": claim["spec"].get("volumeName"),
            "capacity": capacity(claim),
            "events": told(self._events(claim)),
        }

    # ---- reading ----

    def _current(self, claim: Object) -> Object:
        found = self._cluster.find(self._path)
        if found is not None and found["metadata"]["uid"] != claim["metadata"]["uid"]:
            found = None
        return self._expected(found)

    def _expected(self, claim: Object | None) -> Object:
        if claim is None:
            raise Failed(f"{self._desired} was deleted by something else in the meantime")
        return claim

    def _class_of(self, claim: Object) -> Object | None:
        name = claim["spec"].get("storageClassName")
        try:
            return self._cluster.find(f"{_CLASSES}/{name}") if name else None
        except Forbidden:
            return _UNSEEN_CLASS

    def _events(self, claim: Object) -> list[Object]:
        selector = f"involvedObject.uid={claim['metadata']['uid']}"
        try:
            return self._cluster.items(f"{self._namespace}/events", field_selector=selector)
        except Forbidden:
            return []

    def _surroundings(self, claim: Object) -> Surroundings:
        return Surroundings(
            claim=claim,
            classes=self._seen(_CLASSES),
            volumes=self._seen(_VOLUMES),
            drivers=self._seen(_DRIVERS),
            pods=self._seen(f"{self._namespace}/pods"),
        )

    def _seen(self, path: str) -> list[Object] | None:
        try:
            return self._cluster.items(path)
        except Forbidden:
            return None
