"""The server: the ASGI application on an installation."""

from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from access.oauth import OAuth
from access.trusted import TrustedOnly, read_trusted
from health import Health
from installation import Installation
from messages.page import OutboxPage
from projections.access_log import Reads
from projections.followed import Followed
from projections.follower import Follower
from projections.updates import Updates
from schema.app import PAGE_HEADERS, GraphQLApp
from schema.attachment import PATH
from schema.console import Console, labels
from schema.context import Services
from schema.files import Files
from schema.limits import LONGEST_DOCUMENT
from schema.my_data.endpoint import MyData
from schema.person import MY_DATA
from schema.refused import nothing_there
from schema.static import Static
from store.faults import ExitStatus, Fault
from transparency.signer import LogSigner
from transparency.web import LogWeb

ASKED = ["Authorization", "Content-Type", "Read-After", "Purpose", "Case-Reference", "traceparent"]
"""Headers that pages of other origins may send beside those that they always may."""

TOLD = ["Content-Language", "Request-Id", "Retry-After", "WWW-Authenticate"]
"""Headers of answers that they may read."""

LEAST_COMPRESSED = 1_000  # bytes: shorter answers fit into a packet anyway

GRAPHIQL = Path(__file__).parent / "web" / "graphiql"
AUDIT = Path(__file__).parent / "web" / "audit"
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
OUTBOX_STYLE = Path(__file__).parent / "web" / "outbox" / "outbox.css"


def application(
    installation: Installation,
    follower: Follower,
    followed: Followed,
    updates: Updates,
    signer: LogSigner,
    *,
    ready_from: int = 0,
) -> Starlette:
    """The routes of one running server, which is ready as soon as the read models have seen a position.

    The `run_beside` of `state.graphql` belongs beside it.
    """
    settings = installation.settings
    if settings.trusted_only is TrustedOnly.YES and settings.trusted_documents is None:
        raise Fault(
            "Only trusted documents are carried out, and there are none: set SIJIL_TRUSTED_DOCUMENTS.",
            ExitStatus.SETTINGS,
        )
    services = Services(
        pool=installation.database.pool,
        announcements=installation.database.announcements,
        accounts=installation.accounts,
        followed=followed,
        token_keys=installation.token_keys,
        access_token_seconds=settings.access_token_seconds,
        blobs=installation.blobs,
        erasures=installation.erasures,
        updates=updates,
        reads=Reads(installation.database, now=installation.now),
        explorable=settings.explorable,
        has_stopped=lambda: follower.health.reason is not None,
    )
    graphql = GraphQLApp(
        services=services,
        is_active=installation.clients.is_active,
        now=installation.now,
        max_body_bytes=settings.max_body_bytes,
        graphiql=GRAPHIQL / "index.html",
        trusted=read_trusted(settings.trusted_documents, longest=LONGEST_DOCUMENT)
        if settings.trusted_documents
        else {},
        trusted_only=settings.trusted_only,
        most_points=settings.points,
        origins=settings.origins,
        takes_get=settings.get_queries,
    )
    oauth = OAuth(
        installation.clients,
        installation.token_keys,
        installation.accounts.attempts,
        now=installation.now,
        seconds=installation.settings.access_token_seconds,
    )
    files = Files(services, now=installation.now)
    health = Health(installation, follower, followed, signer, ready_from=ready_from)
    web = Starlette(
        routes=[
            Route("/", lambda _request: RedirectResponse("/graphql")),
            Route("/graphql", GZipMiddleware(graphql, minimum_size=LEAST_COMPRESSED, compresslevel=5)),
            WebSocketRoute("/graphql", graphql),
            *([Mount("/graphiql", Static(GRAPHIQL, PAGE_HEADERS))] if settings.explorable else []),
            Route("/audit", lambda _request: RedirectResponse("/audit/")),
            Route("/audit/labels.json", labels),
            Mount("/audit", Console(AUDIT)),
            Route(f"{PATH}{{link}}", files.serve),
            Route(f"{MY_DATA}{{link}}", MyData(services, now=installation.now), methods=["GET"]),
            Route("/oauth/token", oauth.token, methods=["POST"]),
            Route("/.well-known/jwks.json", oauth.public_keys),
            Route("/livez", health.alive),
            Route("/readyz", health.ready),
            *LogWeb(installation.database.pool, installation.log_keys).routes,
            *_for_developers(installation),
        ],
        middleware=_cors(settings.origins),
        exception_handlers={HTTPException: nothing_there},
    )
    web.state.graphql = graphql
    return web


def _cors(origins: frozenset[str]) -> list[Middleware]:
    """Let pages of these origins, if any, send requests and read the answers."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST"],
            allow_headers=ASKED,
            allow_credentials=True,
            expose_headers=TOLD,
            max_age=86_400,
        )
    ]


def _for_developers(installation: Installation) -> list[Route]:
    """What there is in development only, for who works on this machine: everybody's codes are shown."""
    if installation.settings.env != "development" or installation.settings.host not in THIS_MACHINE:
        return []
    page = OutboxPage(installation.database, installation.keyring, now=installation.now, style=OUTBOX_STYLE)

    async def show(request: Request) -> Response:
        if request.url.hostname not in THIS_MACHINE:  # another name for it: a web page that means to read it has one
            return PlainTextResponse("/outbox is for localhost and 127.0.0.1 only.\n", HTTPStatus.MISDIRECTED_REQUEST)
        return await page.show(request)

    return [Route("/outbox", show)]
