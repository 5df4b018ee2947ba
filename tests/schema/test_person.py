from domain.actor import Role
from domain.text import Text
from domain.user import SponsorRelation
from tests.schema.conftest import Api, Keep, person, sponsored, visa

ME = """{ me { name { ar en text } nationalId kind username roles language status mobile email
  person { nationalId name { text } status roles } } }"""


async def test_i_see_my_own_account(api: Api, keep: Keep) -> None:
    rajesh = person(national_id="2502032556")
    await keep(rajesh)

    answer = await api.ask(ME, rajesh)

    assert answer.data == {
        "me": {
            "name": {"ar": "راجيش كومار", "en": "Rajesh Kumar", "text": "Rajesh Kumar"},
            "nationalId": "2502032556",
            "kind": "RESIDENT",
            "username": rajesh.username,
            "roles": ["PERSON"],
            "language": "EN",
            "status": "ACTIVE",
            "mobile": rajesh.mobile,
            "email": rajesh.email,
            "person": {
                "nationalId": "2502032556",
                "name": {"text": "Rajesh Kumar"},
                "status": "ACTIVE",
                "roles": ["PERSON"],
            },
        }
    }
