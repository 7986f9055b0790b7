"""junit.py FILE: prints "passed N", and one line "failed NAME" or "skipped NAME" for each other result."""
import sys
import xml.etree.ElementTree as ET

passed = 0
for case in ET.parse(sys.argv[1]).getroot().iter("testcase"):
    name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        print("failed", name)
    elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        print("skipped", name)
    else:
        passed += 1
print("passed", passed)
