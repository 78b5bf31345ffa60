"""Everything about keys that one gateway works with."""

from __future__ import annotations

from redis.exceptions import RedisError

from gateway.accounts.alerts import Alerts, Post
from gateway.accounts.keyring import Keyring
from gateway.accounts.ledger import Ledger
from gateway.accounts.limiter import Limiter
from gateway.accounts.limits import Counted, Limits, beside, limits_of
from gateway.accounts.prices import Prices
from gateway.accounts.reservation import Reservation
from gateway.accounts.scripts import Scripts
from gateway.accounts.store import KeyStore
from gateway.errors import FORBIDDEN, GatewayError
from gateway.principal import Principal
from gateway.settings import QuotaSettings, Settings, SettingsError, TierSettings
from gateway.stores.state import StateStore
from gateway.telemetry import Telemetry
from gateway.usage.meter import Meter

_NO_LIMITS = TierSettings()


class Accounts:
    """`post` sends alerts; see `Alerts`."""

    def __init__(self, settings: Settings, state: StateStore, telemetry: Telemetry, post: Post) -> None:
        own = settings.accounts
        self.settings = own
        self._server = settings.server
        self._may_be_open = settings.server.loopback or settings.server.insecure
        self._state = state
        admin = own.admin_key.get_secret_value() if own.admin_key else None
        self.keys = KeyStore(state.redis) if state.enabled else None
        self.keyring = Keyring(self.keys, admin, own.outage_s)
        self._scripts = Scripts(state.redis, settings.state.timeout_ms / 1000) if state.enabled else None
        self.prices = Prices(own, settings.adapters)
        self.limiter = Limiter(self._scripts, own.replicas, telemetry)
        client = state.redis if state.enabled else None
        self.meter = Meter(settings.usage, settings.server.folder("usage"), client, telemetry)
        self.alerts = Alerts(own, post, telemetry)
        self._limits: dict[tuple[str, bool, str], Limits] = {}
        self.ledger = Ledger(self._scripts, self.limiter, telemetry, self.alerts.spent)

    def limits(self, principal: Principal) -> Limits:
        """The limits that hold for the principal and its tenant. Raises `GatewayError` as `tier` does."""
        own = self.settings.tenants.get(principal.tenant)
        place = (principal.tier, principal.kind == "key", "" if own is None else principal.tenant)
        if (limits := self._limits.get(place)) is None:
            quota = own or self.settings.tenant_quota
            tenants = quota if principal.kind == "key" else QuotaSettings()
            limits = self._limits[place] = limits_of(self.tier(principal), tenants)
        return limits

    async def count_beside(self, principal: Principal, counted: Counted) -> None:
        """Count a request that asks no model. Raises `GatewayError` where there are too many."""
        limits = beside(self.tier(principal), counted)
        if limits.anything and principal.kind == "key":
            held = Reservation.begin(principal, limits)
            await self.limiter.admit(held, 0, 0, 0)
            self.ledger.settle(held, 0, 0)

    def tier(self, principal: Principal) -> TierSettings:
        """The limits that hold for the principal. Raises `GatewayError` where its tier is gone."""
        if not principal.tier:
            return _NO_LIMITS
        tier = self.settings.tiers.get(principal.tier)
        if tier is None:
            raise GatewayError(FORBIDDEN, "The API key's tier is not configured.", rule="key.tier")
        return tier

    async def open_to_all(self) -> bool:
        """Whether requests need no key: none was ever made, and only this machine can ask, or everyone
        shall. Raises `GatewayError` where nobody can tell."""
        return self._may_be_open and not await self.keyring.any()

    async def start(self) -> None:
        """Raises `SettingsError` where the server would be open to others than this machine."""
        server = self._server
        try:
            some = self.keyring.configured or (self.keys is not None and await self.keys.any())
        except (RedisError, OSError, TimeoutError) as error:
            raise SettingsError(
                f"The state store does not answer ({type(error).__name__}): without it no key can be "
                "checked. See state.url."
            ) from error
        if not (some or self._may_be_open):
            raise SettingsError(
                f"Without any key the server listens on this machine only, not on {server.host}. Make a key "
                "first (qwen-vl keys create), or set accounts.admin_key, or say --insecure to let "
                "everyone in."
            )
        self.ledger.start()
        self.meter.start()

    async def aclose(self) -> None:
        await self.ledger.aclose()  # first: charges are lost with the process, and the history may be slow
        await self.meter.aclose()
        await self.alerts.aclose()
        if self._scripts is not None:
            await self._scripts.aclose()
