"""The menu of the platform."""

from typing import Annotated

import strawberry

from domain import catalogue
from domain.catalogue import ServiceSection
from schema.context import Context, Info
from schema.resolver import resolver
from schema.text import LocalizedText, label_of, localized


@strawberry.type(description="A government agency, or the platform itself.")
class Agency:
    code: str = strawberry.field(description="A name that stays, like passports.")
    name: LocalizedText = strawberry.field(description="What it is called.")


@strawberry.type(description="An entry of the menu.")
class Service:
    code: str = strawberry.field(description="A name that stays, like VISA_STATUS.")
    title: LocalizedText = strawberry.field(description="What it is called.")
    section: ServiceSection = strawberry.field(description="Where the menu shows it.")
    section_label: LocalizedText = label_of("section")
    agency: Agency = strawberry.field(description="Who is behind it.")
    steps: list[LocalizedText] = strawberry.field(description="What a person does, step by step.")
    available: bool = strawberry.field(description="Whether this API serves it now.")
    operation: str | None = strawberry.field(
        description="The field of this API that serves it; of one that is not available yet, the name it will have."
    )


def agency_shown(agency: catalogue.Agency, context: Context) -> Agency:
    return Agency(code=agency.code, name=localized(agency.name, context.language))


def _root_fields(info: Info) -> set[str]:
    api = info._raw_info.schema  # noqa: SLF001 (Info.schema offers no list of fields)
    return {name for root in (api.query_type, api.mutation_type) if root for name in root.fields}


@strawberry.type
class ServiceQueries:
    @resolver("The menu of the platform. Public.")
    def services(
        self,
        info: Info,
        section: Annotated[
            ServiceSection | None, strawberry.argument(description="Only this section of the menu.")
        ] = strawberry.UNSET,
    ) -> list[Service] | None:
        context = info.context
        served = _root_fields(info)
        return [
            Service(
                code=service.code,
                title=localized(service.title, context.language),
                section=service.section,
                agency=agency_shown(service.agency, context),
                steps=[localized(step, context.language) for step in service.steps],
                available=service.operation in served,
                operation=service.operation,
            )
            for service in catalogue.SERVICES
            if not section or service.section is section
        ]
