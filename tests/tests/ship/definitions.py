"""Holds manifests against the definitions of their kinds (CustomResourceDefinitions), as strictly as a cluster that
refuses fields that it does not know.

    definitions.py MANIFESTS DEFINITION...

Prints `passed KIND NAME` for each manifest of a defined kind that holds, and what is wrong with the others; ends with 1
where there are such.
"""

import sys

import jsonschema
import yaml


def strict(schema):
    """The same schema, which takes no field that it does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: strict(value) for name, value in schema.items()}
    fields = told.get("properties")
    open_to_more = "additionalProperties" in told or told.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(fields, dict) and told.get("type") == "object" and not open_to_more:
        told["additionalProperties"] = False
    return told


def schemas(definitions):
    """The schema of each kind, by its apiVersion and its name."""
    found = {}
    for file in definitions:
        for definition in documents(file):
            spec = definition["spec"]
            for version in spec["versions"]:
                of = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                found[of] = strict(version["schema"]["openAPIV3Schema"])
    return found


def documents(file):
    """What a file of YAML holds."""
    with open(file, encoding="utf-8") as text:
        return [one for one in yaml.safe_load_all(text) if one]


def main(manifests, *definitions):
    known = schemas(definitions)
    failed = False
    for manifest in documents(manifests):
        schema = known.get((manifest["apiVersion"], manifest["kind"]))
        if schema is None:
            continue
        # What every object has, and no definition spells out.
        schema["properties"]["metadata"] = {"type": "object"}
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        errors = list(jsonschema.Draft4Validator(schema).iter_errors(manifest))
        for error in errors:
            print(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
        failed |= bool(errors)
        if not errors:
            print(f"passed {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
