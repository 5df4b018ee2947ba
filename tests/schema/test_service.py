from graphql import GraphQLObjectType, build_schema

from schema import export
from tests.schema.conftest import Api, counted


async def test_the_menu_is_shown_to_everybody(api: Api) -> None:
    with counted() as statements:
        answer = await api.ask(
            "{ services { code title { ar en } section agency { code name { text } } available operation steps { ar en } } }"
        )

    menu = answer.data["services"]
    assert [(service["code"], service["section"], service["agency"], service["operation"]) for service in menu] == [
        ("VISA_STATUS", "INQUIRIES", {"code": "passports", "name": {"text": "Passports"}}, "visa"),
        ("TRAFFIC_OBJECTION", "SERVICES", {"code": "traffic", "name": {"text": "Traffic"}}, "submitObjection"),
        ("USER_INFORMATION", "ACCOUNT", {"code": "absher", "name": {"text": "Absher"}}, "me"),
    ]
    assert all(step["ar"] and step["en"] for service in menu for step in service["steps"])
    assert statements == []


async def test_a_service_is_available_when_the_api_has_its_operation(api: Api) -> None:
    query, mutation = (build_schema(export()).get_type(root) for root in ("Query", "Mutation"))
    served = {name for root in (query, mutation) if isinstance(root, GraphQLObjectType) for name in root.fields}

    menu = (await api.ask("{ services { operation available } }")).data["services"]

    assert {service["operation"] for service in menu if service["available"]} == {
        service["operation"] for service in menu
    } & served
    assert {service["operation"]: service["available"] for service in menu} == {
        "visa": True,
        "submitObjection": True,
        "me": True,
    }


async def test_one_section_of_the_menu_can_be_asked_for(api: Api) -> None:
    answer = await api.ask("{ services(section: ACCOUNT) { code } }")

    assert answer.data == {"services": [{"code": "USER_INFORMATION"}]}
