#!/usr/bin/env python3
"""Makes units.json and gates.json from the reference data in source/. Run by hand when source/ changes; the result is committed.

  make_units.py                          writes units.json and gates.json beside this script
  make_units.py --positions BORDERS      also recomputes source/successor_positions.json from outlines (GeoJSON)

Dates are ISO dates; valid_from is the first day, valid_to the first day on which it is no longer so; null = open.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
MERGER = "2025-07-01"
RESOLUTION = "Resolution 202/2025/QH15 of 12 June 2025, in force 2025-07-01"

# ISO code -> (unit id, short code). The short code is spoken in references: three letters, unique, never reused.
UNITS = {
    "VN-71": ("vn-dienbien", "DBN"), "VN-05": ("vn-sonla", "SLA"), "VN-21": ("vn-thanhhoa", "THA"),
    "VN-22": ("vn-nghean", "NGA"), "VN-23": ("vn-hatinh", "HTH"), "VN-24": ("vn-quangbinh", "QBH"),
    "VN-25": ("vn-quangtri", "QTI"), "VN-26": ("vn-hue", "HUE"), "VN-27": ("vn-quangnam", "QNM"),
    "VN-28": ("vn-kontum", "KTM"), "VN-30": ("vn-gialai", "GLI"), "VN-33": ("vn-daklak", "DLK"),
    "VN-72": ("vn-daknong", "DKN"), "VN-58": ("vn-binhphuoc", "BPC"), "VN-37": ("vn-tayninh", "TNI"),
    "VN-41": ("vn-longan", "LAN"), "VN-45": ("vn-dongthap", "DTP"), "VN-44": ("vn-angiang", "AGG"),
    "VN-47": ("vn-kiengiang", "KGG"),
    "LA-PH": ("la-phongsaly", "PSL"), "LA-LP": ("la-luangprabang", "LPB"), "LA-HO": ("la-houaphanh", "HPN"),
    "LA-XI": ("la-xiangkhouang", "XKG"), "LA-BL": ("la-bolikhamsai", "BKX"), "LA-KH": ("la-khammouane", "KMN"),
    "LA-SV": ("la-savannakhet", "SVK"), "LA-SL": ("la-salavan", "SLV"), "LA-XE": ("la-sekong", "SKG"),
    "LA-AT": ("la-attapeu", "ATP"), "LA-CH": ("la-champasak", "CPS"),
    "KH-7": ("kh-kampot", "KPT"), "KH-8": ("kh-kandal", "KDL"), "KH-10": ("kh-kratie", "KRT"),
    "KH-11": ("kh-mondulkiri", "MDK"), "KH-13": ("kh-preahvihear", "PVH"), "KH-14": ("kh-preyveng", "PVG"),
    "KH-16": ("kh-ratanakiri", "RTK"), "KH-19": ("kh-stungtreng", "STG"), "KH-20": ("kh-svayrieng", "SVR"),
    "KH-21": ("kh-takeo", "TKO"), "KH-25": ("kh-tbongkhmum", "TBK"),
}
# Units that the merger put on the border: ISO code before the merger -> (id, short, Vietnamese name, ASCII name).
SUCCESSORS = {
    "VN-DN": ("vn-danang", "DNG", "Đà Nẵng", "Da Nang"),
    "VN-29": ("vn-quangngai", "QNG", "Quảng Ngãi", "Quang Ngai"),
    "VN-35": ("vn-lamdong", "LDG", "Lâm Đồng", "Lam Dong"),
    "VN-39": ("vn-dongnai", "DNI", "Đồng Nai", "Dong Nai"),
}
# Border units that ended with the merger -> the unit that took their area (domain.md 5.8).
ENDED = {"vn-quangbinh": "vn-quangtri", "vn-quangnam": "vn-danang", "vn-kontum": "vn-quangngai",
         "vn-daknong": "vn-lamdong", "vn-binhphuoc": "vn-dongnai", "vn-longan": "vn-tayninh",
         "vn-kiengiang": "vn-angiang"}
# Names that officers also write; used for searching only.
ALSO = {"kh-tbongkhmum": ["Tboung Khmum"], "kh-mondulkiri": ["Mondolkiri"], "kh-ratanakiri": ["Ratanak Kiri"],
        "la-bolikhamsai": ["Bolikhamxay", "Borikhamxay", "Bô-ly-khăm-xay"], "la-houaphanh": ["Huaphanh"], "la-phongsaly": ["Phongsali", "Phông-xa-lỳ"],
        "la-sekong": ["Xekong"], "la-attapeu": ["Attapu"], "vn-daklak": ["Đắc Lắc"], "vn-daknong": ["Đắc Nông"],
        "la-salavan": ["Saravane", "Saravan", "Xa-la-van"], "la-luangprabang": ["Luông Pha-băng"],
        "la-champasak": ["Chăm-pa-xắc"], "la-savannakhet": ["Xa-vẳn-na-khệt"], "vn-hue": ["Hue city", "thành phố Huế"]}
# Vietnamese names of Lao provinces as Viet Nam's press writes them: general knowledge, to be checked by an officer. Where the
# press uses several spellings, the Latin name stays and the spellings are in ALSO.
VIETNAMESE = {"la-houaphanh": "Hủa Phăn", "la-xiangkhouang": "Xiêng Khoảng", "la-khammouane": "Khăm Muộn",
              "la-attapeu": "Attapư", "la-sekong": "Sê Kông"}
# Lao names from Unicode CLDR common/subdivisions/lo.xml (Unicode-3.0, provisional there).
LAO = {"vn-quangbinh": "ກວາງບິນ", "vn-danang": "ດານັງ"}
# Tbong Khmum was split from Kampong Cham in January 2014 (domain.md 5.8); the day was not checked.
FOUNDED = {"kh-tbongkhmum": "2014-01-01"}
# Gates whose kind changed on a known day (domain.md 5.9 and the gate's note): id -> (kind before, first day as international).
UPGRADED = {"G-LONGSAP": ("MAIN", "2024-11-19"), "G-NAMGIANG": ("MAIN", "2021-08-14")}


def read(name):
    return json.loads((HERE / "source" / name).read_text(encoding="utf-8"))


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")


def later(*dates):
    known = [date for date in dates if date]
    return max(known) if known else None


def unit_of(row):
    unit, short = UNITS[row["code"]]
    names = {"en": row["name_ascii"], row["lang_local"]: row["name_local"]}
    former = []
    if unit == "vn-hue":
        names = {"en": "Hue", "vi": "Huế"}
        former = [{"lang": lang, "text": text, "valid_to": "2025-01-01"}
                  for lang, text in (("vi", row["name_local"]), ("en", row["name_ascii"]))]
    if unit in VIETNAMESE:
        names["vi"] = VIETNAMESE[unit]
    if unit in LAO:
        names["lo"] = LAO[unit]
    also = {row["name_en"], row["iso_name"], row["name_ascii"], row["name_local"], *ALSO.get(unit, [])}
    also -= {*names.values(), "Kiến Giang", *(name["text"] for name in former)}  # pycountry misspells VN-47
    unverified = list(row.get("unverified_fields", []))
    if unit in VIETNAMESE:
        unverified.append("names.vi")
    if unit in LAO:
        unverified.append("names.lo")
    if unit in FOUNDED:
        unverified.append("valid_from")
    ended = unit in ENDED
    return {
        "id": unit, "short": short, "country": row["country"], "names": names, "lang_local": row["lang_local"],
        "former_names": former, "also": sorted(also),
        "codes": [{"scheme": "ISO 3166-2", "code": row["code"], "valid_from": FOUNDED.get(unit),
                   "valid_to": MERGER if ended else None}],
        "lat": row["lat"], "lon": row["lon"], "valid_from": FOUNDED.get(unit), "valid_to": MERGER if ended else None,
        "successor": ENDED.get(unit), "neighbours": [],
        "neighbour_candidates": [{"unit": UNITS[c["code"]][0], "contact_km_approx": c["contact_km_approx"],
                                  "verified": False} for c in row.get("neighbour_candidates", [])],
        "verified": row["verified"], "unverified": unverified,
        "sources": sorted({row["name_local_source"], row["centroid_source"],
                           *([RESOLUTION] if row.get("post_2025", {}).get("changed") and unit != "vn-hue" else [])}),
    }


def successor_of(code, positions):
    unit, short, name, ascii_name = SUCCESSORS[code]
    names = {"en": ascii_name, "vi": name}
    if unit in LAO:
        names["lo"] = LAO[unit]
    return {
        "id": unit, "short": short, "country": "VN", "names": names, "lang_local": "vi", "former_names": [], "also": [],
        "codes": [{"scheme": "ISO 3166-2", "code": code, "valid_from": None, "valid_to": None,
                   "note": "code of the pre-merger province of this name; a new ISO code is not known"}],
        "lat": positions[unit]["lat"], "lon": positions[unit]["lon"], "valid_from": MERGER, "valid_to": None,
        "successor": None, "neighbours": [], "neighbour_candidates": [], "verified": True,
        "unverified": ["codes", *(["names.lo"] if unit in LAO else [])],
        "sources": [RESOLUTION, positions["source"]],
    }


def contacts(provinces):
    """All dated contacts as (unit, unit) -> entry. Before the merger as the outlines and texts say; after it the unit
    that took an area takes its contacts."""
    found = {}
    for row in provinces:
        for detail in row["neighbour_detail"]:
            a, b = UNITS[row["code"]][0], UNITS[detail["code"]][0]
            start = later(FOUNDED.get(a), FOUNDED.get(b))
            end = MERGER if a in ENDED or b in ENDED else None
            entry = {"valid_from": start, "valid_to": end, "basis": detail["basis"],
                     "verified": detail["basis"].startswith("documented"),
                     "source": "Natural Earth outlines" + (" and a text read" if "documented" in detail["basis"] else "")}
            found[(a, b)] = entry
    for (a, b), entry in sorted(found.items()):
        pair = (ENDED.get(a, a), ENDED.get(b, b))
        if pair not in found:
            found[pair] = dict(entry, valid_from=MERGER, valid_to=None,
                               source=entry["source"] + "; area moved by " + RESOLUTION)
    return found


def split_names(text):
    """`Hà Tiên (Xà Xía)` -> the name and what it is also called."""
    if not text:
        return None, []
    match = re.match(r"([^(,]+?)\s*(?:\(([^)]*)\))?\s*(?:,.*)?$", text)
    also = [part.strip() for part in (match[2] or "").split(",") if part.strip() and part.strip() != "river"]
    return match[1].strip(), also


def gate_of(row):
    sides = []
    for side in row["sides"]:
        name, also = split_names(side.get("name"))
        names = {}
        if name:
            names["vi" if side["country"] == "VN" else "en"] = name
        if side.get("name_km"):
            names["km"] = side["name_km"]
        unit = UNITS[side["province"]][0]
        units = [{"unit": unit, "valid_from": FOUNDED.get(unit), "valid_to": MERGER if unit in ENDED else None}]
        if unit in ENDED:
            units.append({"unit": ENDED[unit], "valid_from": MERGER, "valid_to": None})
        sides.append({"country": side["country"], "units": units, "names": names, "also": also})
    kind = row["kind"].upper()
    kinds = [{"kind": kind, "valid_from": None, "valid_to": None}]
    if row["id"] in UPGRADED:
        before, day = UPGRADED[row["id"]]
        kinds = [{"kind": before, "valid_from": None, "valid_to": day}, {"kind": kind, "valid_from": day, "valid_to": None}]
    return {"id": row["id"], "kinds": kinds, "lat": row["lat"], "lon": row["lon"],
            "precision_km": row.get("precision_km"), "sides": sides, "verified": row["verified"],
            "unverified": row.get("unverified_fields", []), "note": row.get("note", ""), "source": row["source"]}


def middle(features):
    """Middle of the area of several outlines together: latitude and longitude, 4 decimals."""
    area = x_sum = y_sum = 0.0
    for feature in features:
        shape = feature["geometry"]
        parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        for ring in (part[0] for part in parts):
            for (x0, y0), (x1, y1) in zip(ring, ring[1:]):
                cross = x0 * y1 - x1 * y0
                area, x_sum, y_sum = area + cross, x_sum + (x0 + x1) * cross, y_sum + (y0 + y1) * cross
    return {"lat": round(y_sum / (3 * area), 4), "lon": round(x_sum / (3 * area), 4)}


def positions_of(borders):
    merged = {"vn-danang": ("VN-27", "VN-DN"), "vn-quangngai": ("VN-28", "VN-29"),
              "vn-lamdong": ("VN-35", "VN-72", "VN-40"), "vn-dongnai": ("VN-39", "VN-58")}
    shapes = {f["properties"]["code"]: f for f in json.loads(pathlib.Path(borders).read_text(encoding="utf-8"))["features"]}
    value = {unit: middle([shapes[code] for code in codes]) for unit, codes in merged.items()}
    value["source"] = "middle of the merged areas, computed from Natural Earth 10m admin-1 (public domain)"
    write("source/successor_positions.json", value)


def main():
    if sys.argv[1:2] == ["--positions"]:
        positions_of(sys.argv[2])
    data, gates = read("provinces.json"), read("gates.json")
    units = [unit_of(row) for row in data["provinces"]]
    units += [successor_of(code, read("successor_positions.json")) for code in SUCCESSORS]
    by_id = {unit["id"]: unit for unit in units}
    for (a, b), entry in sorted(contacts(data["provinces"]).items()):
        by_id[a]["neighbours"].append({"unit": b, **entry})
    others = [{"code": row["code"], "country": row["country"], "lat": row["lat"], "lon": row["lon"],
               "names": {"en": row["name_ascii"], row["lang_local"]: row["name_local"]}, "verified": row["verified"]}
              for row in data["also_referenced"]]
    write("units.json", {
        "about": "Border units, as dated data about stable ids. Made by make_units.py from source/; do not edit.",
        "units": sorted(units, key=lambda unit: unit["id"]), "other_provinces": others})
    write("gates.json", {
        "about": "Gates and crossings; all positions are approximations of 5 to 10 km. Made by make_units.py; do not edit.",
        "gates": [gate_of(row) for row in gates["gates"]]})


main()
