"""Invented strings as devices burn them in: who, where, when and which number; and labels that name nobody."""

from __future__ import annotations

import numpy as np

_FAMILY = {
    "latin": (
        "KOWALSKI García Müller O'BRIEN SMITH Nguyễn Ångström ROSSI Dvořák SANTOS Öztürk Łukasz JOHNSON LEE Hernández "
        "FITZGERALD NOVAK Çelik"
    ).split(),
    "cyrillic": "ИВАНОВ Петрова Шевченко КУЗНЕЦОВ Щербакова Ёлкин Юрьев ЖУКОВ".split(),
    "greek": "ΠΑΠΑΔΟΠΟΥΛΟΣ Γεωργίου Νικολαΐδης Αθανασίου ΧΡΙΣΤΟΥ".split(),
    "hangul": "김 이 박 최 정 강 조 윤 장 임 한 오".split(),
    "japanese": "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 サトウ スズキ タカハシ たなか".split(),
    "chinese": "王 李 张 刘 陈 杨 黄 趙 吳 周 欧阳 司馬".split(),
    "arabic": "محمد أحمد خالد الحسيني إبراهيم القحطاني يوسف العتيبي".split(),
}
_GIVEN = {
    "latin": "JAN Ana SEAN Hans-Peter MARY Thị Åsa PAOLO Jiří MARIA Gül Zofia ROBERT JI José ELIZABETH PETR Ümit".split(),
    "cyrillic": "Анна СЕРГЕЙ Ольга Дмитрий ЮЛИЯ Пётр".split(),
    "greek": "ΜΑΡΙΑ Γιώργος Ελένη Κώστας".split(),
    "hangul": "민준 서연 지우 하은 도윤 예진 영숙 철수".split(),
    "japanese": "太郎 花子 健二 美咲 一郎 ケンジ ハナコ さくら".split(),
    "chinese": "伟 芳 秀英 建國 小明 丽华 志强 美玲".split(),
    "arabic": "فاطمة علي مريم عبد الله سعيد نورة".split(),
}
_PLACES = {
    "latin": (
        "ST MARY HOSPITAL",
        "Univ. Clinic Graz",
        "BAPTIST MED CTR",
        "Dr. Whitfield",
        "Hôpital Necker",
        "Klinikum Süd",
        "Ref: Dr Okafor",
        "GENERAL HOSP. RM 4",
    ),
    "cyrillic": ("Городская больница", "КЛИНИКА №4", "Врач: Белов", "Отделение УЗИ"),
    "greek": ("ΓΕΝΙΚΟ ΝΟΣΟΚΟΜΕΙΟ", "Ιατρός Μάνος"),
    "hangul": ("서울대학교병원", "부산 영상의학과", "담당의 김철호", "삼성병원"),
    "japanese": ("東京大学病院", "大阪医療センター", "担当医 小林", "札幌クリニック"),
    "chinese": ("北京协和医院", "上海市第一人民医院", "主治医师 陈", "臺大醫院"),
    "arabic": ("مستشفى الملك فهد", "عيادة الشفاء", "الطبيب سامي"),
}
_LABELS = (
    "LYMPH NODE", "Gen OB", "28Hz", "11cm", "C5-1", "MI 1.1", "TIB 0.2", "PWR", "120 kV", "250 mA", "SUPINE", "PORTABLE",
    "Se: 4", "Im: 32/120", "W 400 L 40", "2.5 mm", "FOV 240", "TE 90 TR 3000", "Fr 12", "R", "L", "A", "P", "cm/s", "HR 72",
    "LT KNEE", "CHEST PA", "ERECT", "1.06 cm", "-60", "0.9",
)  # fmt: skip
_NAME_FORMS = ("{0}^{1}", "{0}, {1}", "{0} {1}", "{1} {0}", "Name: {0} {1}", "{0} {1} {2}")


def identifying(random: np.random.Generator, script: str) -> str:
    """A name, place, date, number or telephone; the words in `script`, digits as devices write them everywhere."""
    kind = int(random.integers(7))
    if kind <= 2:
        family, given = _one(random, _FAMILY[script]), _one(random, _GIVEN[script])
        if script in {"hangul", "chinese", "japanese"} and random.integers(2):
            return family + given if script != "japanese" or random.integers(2) else f"{family} {given}"
        return _one(random, _NAME_FORMS).format(family, given, f"{random.integers(1, 99)}Y {'MF'[random.integers(2)]}")
    if kind == 3:
        return _one(random, _PLACES[script])
    if kind == 4:
        year, month, day = random.integers(1925, 2026), random.integers(1, 13), random.integers(1, 29)
        forms = (f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{month}/{day}/{year}", f"DOB {year}{month:02}{day:02}")
        timed = (
            f"{day:02}-{_MONTHS[month - 1]}-{year}",
            f"{day:02}/{month:02}/{year} {random.integers(24):02}:{random.integers(60):02}:{random.integers(60):02}",
        )
        return _one(random, (*forms, *timed))
    if kind == 5:
        forms = (
            f"MRN {random.integers(10**5, 10**8)}",
            f"ID:{random.integers(10**6, 10**9)}",
            f"ACC#{random.integers(10**4, 10**7)}",
            f"{random.integers(10**6, 10**10)}",
        )
        return _one(random, forms)
    return _one(random, _FAMILY[script]) + f" {random.integers(10**3, 10**6)}"


def label(random: np.random.Generator) -> str:
    """A marker, setting or measurement."""
    return _one(random, _LABELS)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "JUN", "JUL", "Aug", "SEP", "Oct", "NOV", "Dec")


def _one(random: np.random.Generator, choices: tuple[str, ...] | list[str]) -> str:
    return choices[int(random.integers(len(choices)))]
