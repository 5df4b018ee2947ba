"""Passwords that everybody tries first: well-known words with well-known endings, and rows of keys."""

from itertools import product
from typing import Final

_WORDS: Final = """
password passw0rd p@ssword p@ssw0rd pa55word pa$$word passwort parola motdepasse welcome welc0me letmein changeme change
changeit default secret s3cret login master m@ster admin administrator adm1n root system sysadmin manager user guest test
tester testing demo temp temporary qwerty qwertyui qwertyuiop qwert azerty asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx
qwaszx 1q2w3e 1q2w3e4r 1qaz2wsx q1w2e3r4 a1b2c3 a1b2c3d4 abc abcd abcde abcdef abc123 iloveyou loveyou lovely sunshine
princess football baseball basketball soccer hockey dragon monkey shadow superman batman spiderman starwars pokemon
michael jennifer jessica ashley daniel andrew charlie thomas jordan hunter ranger killer trustno1 whatever freedom
flower summer winter spring autumn monday friday sunday january december computer internet server windows google
facebook twitter iphone samsung android apple microsoft cisco oracle company office access security private business
hello goodbye family mother father sister brother friend mohammed mohamed muhammad mohammad ahmed ahmad abdullah
abdulaziz abdulrahman khalid sultan salman faisal fahad fahd saud nasser yousef ibrahim omar osama hassan hussain ali
fatima fatimah maryam aisha noura sarah reem hind layla bismillah inshallah alhamdulillah mashallah allahuakbar allah
islam makkah madinah riyadh riyad jeddah dammam taif tabuk abha saudi saudia saudiarabia ksa alhilal hilal alnassr
nassr alahli alittihad absher nafath tawakkalna jawazat iqama kingdom arabia habibi habibti
""".split()  # noqa: SIM905 (words read best as words)

_ENDINGS: Final = """
0 00 000 01 007 1 11 111 1111 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 2 21 22 23 3 321 4321 54321
654321 5 55 555 6 66 666 7 77 777 786 8 88 888 9 99 999 100 101 2000 2010 2015 2016 2017 2018 2019 2020 2021 2022 2023
2024 2025 2026 2027 1440 1441 1442 1443 1444 1445 1446 1447 1448 ! !! 1! 12! 123! 1234! 12345! @ @1 @12 @123 @1234 @12345
@123456 #1 #12 #123 #1234 _1 _12 _123 _1234 .1 .123 .1234 $1 $123 *1 *123 !1 !123 abc abc1 abc123 a1 qwe qwe123 966 @966
@2020 @2021 @2022 @2023 @2024 @2025 @2026 2020! 2021! 2022! 2023! 2024! 2025! 2026! 1@ 123@ 1234@ 123# 1234# 123$ 123*
""".split()  # noqa: SIM905 (words read best as words)

_ROWS: Final = """
1234abcd abcd1234 1234qwer qwer1234 qwer4321 123qweasd qweasd123 qweasdzxc qwe123qwe 123qwe123 1q2w3e4r5t 1q2w3e4r5t6y
1qaz2wsx3edc 1qazxsw2 zaq12wsx zaq1xsw2 zaq1zaq1 !qaz2wsx !qaz1qaz 1qaz!qaz 1qaz@wsx qazwsxedc qazwsx123 asdf1234
asdfasdf asdqwe123 asd123asd zxcvbnm1 zxcvbnm123 aa123456 a1234567 a12345678 a123456789 ab123456 abc12345 abc123456
abcd12345 abcde12345 123456aa 123456ab 123456abc 12345abc 1234567a 12345678a 123456789a 11111111a aaaa1111 aaa11111
aa112233 112233aa 11223344aa a1a2a3a4 a1s2d3f4 q1w2e3r4t5 q1w2e3r4t5y6 p@$$w0rd pa$$w0rd p@55w0rd p455w0rd drowssap
drowssap1 iloveyou2 iloveu123 trustno1! letmein!1 welcome@home password!@# qwerty!@# admin!@# admin@admin test1234test
""".split()  # noqa: SIM905 (words read best as words)

COMMON_PASSWORDS: Final = frozenset(
    [*_WORDS, *_ROWS, *(word + ending for word, ending in product(_WORDS, _ENDINGS))],
)
"""In lower case: they are compared without regard to case."""
