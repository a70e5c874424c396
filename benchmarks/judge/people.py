"""Seeded people, each with a record of their own: names in nine character sets, ids, dates, places. Nobody is real."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

CHARSETS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("Thibodeaux", "Kowalczyk", "Abernathy", "Okonkwo"), ("Marguerite", "Zbigniew", "Philippa", "Chukwuemeka")),
    ("ISO_IR 100", ("Grünwald", "Åkesson", "Peñalosa", "Hálfdánarson"), ("Jürgen", "Märta", "Begoña", "Þórdís")),
    ("ISO_IR 144", ("Смирновский", "Кузнечихина", "Щербаков"), ("Аркадий", "Людмила", "Евграф")),
    ("ISO_IR 192", ("Nguyễn=阮", "Ōtsuka=大塚", "Şahinoğlu=沙希"), ("Thịnhphát=盛发", "Kenzaburō=健三郎", "Gülseren=古兰")),
    ("GB18030", ("Zhangsun=长孙", "Ouyang=欧阳", "Shangguan=上官"), ("Wenboyi=文博", "Xiaodong=小东", "Meilingzi=美玲")),
    ("\\ISO 2022 IR 87", ("Yamamoto=山本=やまもと", "Kobayashi=小林=こばやし"), ("Kenjiro=健次郎=けんじろう", "Sakurako=桜子=さくらこ")),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", ("ﾜﾀﾅﾍﾞ=渡辺=わたなべ", "ﾐﾔｻﾞｷ=宮崎=みやざき"), ("ﾕｳｲﾁﾛｳ=雄一郎=ゆういちろう", "ﾁﾖｺ=千代子=ちよこ")),
    ("\\ISO 2022 IR 149", ("Namgung=南宮=남궁", "Seonwoo=鮮于=선우"), ("Gyeonghui=景姬=경희", "Hyeonseok=賢錫=현석")),
    ("ISO_IR 126", ("Παπαδόπουλος", "Κωνσταντίνου"), ("Δημήτριος", "Θεοδώρα")),
)
"""Specific Character Set (values joined by a backslash), family and given names with their groups, as PS3.5 6.2.1 has them."""

_STAFF = (
    "Vandersloot^Ignatius^^Dr",
    "Featherstonhaugh^Beatrix^^Prof",
    "Quattlebaum^Leopold",
    "Szymborska^Jadwiga",
    "Dunwoody^Cornelia^^^MD",
)
_HOUSES = ("Brzezina", "Llanfairpwll", "Ystradgynlais", "Hohenzollern", "Massapequa")
_STREETS = ("Whortleberry Lane", "Kirschblütenweg", "Tamarack Crescent")


@dataclasses.dataclass(frozen=True)
class Person:
    """One patient's record."""

    charset: str
    name: str
    """As PN: alphabetic, ideographic and phonetic group."""
    patient_id: str
    other_id: str
    birth: dt.date
    phone: str
    street: str
    house: str
    """The word that names the institution."""
    referring: str
    operator: str

    @property
    def family(self) -> str:
        """The family name, alphabetic."""
        return self.name.partition("=")[0].partition("^")[0]

    @property
    def given(self) -> str:
        """The given name, alphabetic."""
        return self.name.partition("=")[0].split("^")[1]

    @property
    def in_ascii(self) -> bool:
        """Whether the alphabetic name can stand where only the default repertoire can."""
        return self.family.isascii() and self.given.isascii()

    def tokens(self) -> list[str]:
        """The words that must stand nowhere: names of two ideographs or four letters and more, ids, telephone, birth date, institution."""
        names = [part for name in (self.name, self.referring, self.operator) for part in name.replace("=", "^").split("^")]
        kept = [part for part in names if len(part) >= (4 if part < "\u2e80" else 2) and part not in ("Prof",)]
        birth = [self.birth.strftime("%Y%m%d"), self.birth.isoformat()]
        return list(dict.fromkeys([*kept, self.patient_id, self.other_id, self.phone, *birth, self.house]))


def person(number: int, rng: random.Random) -> Person:
    """The patient of this number; the character sets come in turn."""
    charset, families, givens = CHARSETS[number % len(CHARSETS)]
    family, given = rng.choice(families).split("="), rng.choice(givens).split("=")
    groups = [f"{one}^{other}" for one, other in zip(family, given, strict=False)]
    if len(groups) == 1 and rng.random() < 0.5:
        groups = [f"{groups[0]}^^Mx"]
    referring, operator = rng.sample(_STAFF, 2)
    house = rng.choice(_HOUSES)
    birth = dt.date(1920, 1, 1) + dt.timedelta(days=rng.randrange(29_000))
    return Person(
        charset=charset,
        name="=".join(groups),
        patient_id=f"{rng.choice('KQXZ')}{rng.randrange(10**7, 10**8)}" if number % 2 else f"{rng.randrange(10**7, 10**8)}",
        other_id=f"OLD-{rng.randrange(10**6, 10**7)}",
        birth=birth,
        phone=f"555-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}",
        street=f"{rng.randrange(100, 999)} {rng.choice(_STREETS) if charset == 'ISO_IR 100' else 'Whortleberry Lane'}",
        house=house,
        referring=referring,
        operator=operator,
    )
