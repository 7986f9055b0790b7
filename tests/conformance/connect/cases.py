"""cases.py: requests that were put to a real Kafka Connect worker (record.py), in the order in which both are asked.

SRC and SINK stand for two connector classes, XTRA for what the sink needs besides topics. A case is (method, path, body,
headers), or ("WAIT", connector, state): until its connector and task are in that state."""

SOURCE = '"connector.class":"SRC","topic":"t"'
SINK = '"connector.class":"SINK","topics":"t",XTRA'
PARTITION = '{"partition":{"kafka_topic":"t","kafka_partition":0},"offset":%s}'
CASES = []


def ask(method, path, body=None, **headers):
    CASES.append((method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}))


def wait(name, state):
    CASES.append(("WAIT", name, state, {}))


def create(name, config=SOURCE, more=""):
    ask("POST", "/connectors", '{"name":"%s","config":{%s}%s}' % (name, config, more))


def read_all(name):
    for part in ("", "/config", "/status", "/tasks", "/tasks/0/status", "/offsets", "/topics"):
        ask("GET", f"/connectors/{name}{part}")


for path in ("/", "/health", "/connectors", "/connectors/", "/connectors?expand=status", "/nothing", "/CONNECTORS", "/connectors.json",
             "/favicon.ico", "/connector-plugins", "/connector-plugins/", "/connector-plugins?connectorsOnly=x", "/connector-plugins/nope/config",
             "/connector-plugins/SRC", "/connector-plugins/SRC/config", "/connector-plugins/SINK/config"):
    ask("GET", path)
ask("HEAD", "/connectors")
for path in ("/connectors", "/connectors/a"):
    ask("OPTIONS", path)
read_all("nobody")
create("a")
create("a")
wait("a", "RUNNING")
read_all("a")
for path in ("/connectors/a/", "/connectors/%61", "/connectors/A", "/connectors/./a", "/connectors/b/../a", "/connectors/a/tasks/00/status",
             "/connectors/a/tasks/-1/status", "/connectors/a/tasks/99999999999/status", "/connectors/a/tasks/x/status", "/connectors/a/tasks/0",
             "/connectors/a/nothing", "/connectors/a/tasks-config", "/connectors?expand=info&expand=status", "/connectors?expand=",
             "/connectors?expand", "/connectors?expand=INFO", "/connectors?expand=info&expand=info", "/connectors?unknown=1"):
    ask("GET", path)

# creating: every odd body. What is created under the name z is taken away again at once.
create("p", more=',"initial_state":"paused"')
create("st", more=',"initial_state":"STOPPED"')
for text in ("", "null", "{}", "[]", "{", '"x"', "3", '{"name":"z"}', '{"config":{SO}}', '{"name":null,"config":{SO}}',
             '{"name":"z","config":null}', '{"name":"z","config":{}}', '{"name":"z","config":{SO},"extra":1}', '{"NAME":"z","config":{SO}}',
             '{"name":"z","config":{SO},"initial_state":"x"}', '{"name":"z","config":{SO},"initial_state":""}',
             '{"name":"z","config":{SO},"initial_state":1}', '{"name":"z","config":{SO,"o":{"a":1}}}', '{"name":"z","config":{SO,"o":[1]}}',
             '{"name":"z","config":{SO,"o":null}}', '{"name":"z","config":{"name":"y",SO}}', '{"name":"z","config":{"connector.class":"x.Y"}}',
             '{"name":"z","config":{"connector.class":""}}', '{"name":"z","config":{"connector.class":null}}',
             '{"name":"z","config":{SO,"tasks.max":"0"}}', '{"name":"z","config":{SO,"tasks.max":"zero"}}', '{"name":"z","config":{SO,"tasks.max":-1}}',
             '{"name":"z","config":{SO,"transforms":"x"}}', '{"name":"z","config":{SO,"transforms":"x","transforms.x.type":"nope"}}',
             '{"name":"z","config":{SO,"errors.tolerance":"some"}}', '{"name":"z","config":{SO,"errors.retry.timeout":"abc"}}',
             '{"name":"z","config":{SO,"key.converter":"nope"}}', '{"name":"z","config":{SO,"config.action.reload":"x"}}',
             '{"name":"z","config":{"connector.class":"SINK",XTRA}}', '{"name":"z","config":{"connector.class":"SINK",XTRA,"topics":"a","topics.regex":"b"}}',
             '{"name":"z","config":{"connector.class":"SINK",XTRA,"topics.regex":"("}}', '{"name":"z","config":{"connector.class":"SINK",XTRA,"topics":""}}',
             '{"name":"z","config":{"connector.class":"SINK",XTRA,"topics":",a"}}', '{"name":"z","config":{"connector.class":"SINK",XTRA,"topics":"a,"}}',
             '{"name":"","config":{SO}}', '{"name":"  ","config":{SO}}', '{"name":" a ","config":{SO}}', '{"name":"z","config":{SO}} trailing',
             '{"name":"z",/*c*/"config":{SO}}', '{"name":"z","config":{SO},}', "{'name':'z'}", '{"name":"z","config":{SO,"x":NaN}}',
             '{"name":"z","config":{SO,"x":01}}', '{"name":{"a":1},"config":{SO}}', '{"name":["a"],"config":{SO}}'):
    ask("POST", "/connectors", text.replace("SO", SOURCE))
    ask("DELETE", "/connectors/z")

for kind in ("text/plain", "application/json; charset=utf-8", "application/JSON", "text/json", "application/json;charset=latin1"):
    ask("PUT", "/connectors/st/config", "{%s}" % SOURCE, Content_Type=kind)
for text in ("", "null", "{}", "[]", '{"connector.class":"x.Y"}', '{"name":"q",SO}', '{SO,"tasks.max":2,"f":true,"g":1.50,"h":1e3}', '{SO,"x":null}',
             '{SO,"x":{}}', '{"name":"st",SO}'):
    ask("PUT", "/connectors/st/config", text.replace("SO", SOURCE))
for text in ("", "null", "{}", "[]", '{"x":1}', '{"x":null}', '{"connector.class":null}', '{"tasks.max":"zero"}', '{"name":"other"}'):
    ask("PATCH", "/connectors/st/config", text)
read_all("st")

# states
for verb in ("pause", "resume", "stop"):
    ask("PUT", f"/connectors/nobody/{verb}")
    ask("GET", f"/connectors/a/{verb}")
    ask("POST", f"/connectors/a/{verb}")
ask("PUT", "/connectors/a/pause", "garbage")
ask("PUT", "/connectors/a/pause")
wait("a", "PAUSED")
ask("PUT", "/connectors/a/resume")
wait("a", "RUNNING")
for query in ("", "?includeTasks=true", "?onlyFailed=true", "?includeTasks=TRUE&onlyFailed=True", "?includeTasks=1", "?includeTasks",
              "?includeTasks=", "?x=y"):
    for name in ("nobody", "st", "a"):
        ask("POST", f"/connectors/{name}/restart{query}")
    wait("a", "RUNNING")
for path in ("a/tasks/9", "nobody/tasks/0", "a/tasks/x", "a/tasks/0"):
    ask("POST", f"/connectors/{path}/restart")
wait("a", "RUNNING")

# offsets
create("k", SINK)
wait("k", "RUNNING")
read_all("k")
for name in ("k", "a", "nobody"):
    ask("DELETE", f"/connectors/{name}/offsets")
    ask("PATCH", f"/connectors/{name}/offsets", '{"offsets":[%s]}' % PARTITION % '{"kafka_offset":1}')
ask("PUT", "/connectors/k/stop")
wait("k", "STOPPED")
read_all("k")
for text in ("", "null", "{}", "[]", '{"offsets":null}', '{"offsets":[]}', '{"offsets":{}}', '{"offsets":[null]}', '{"offsets":[{}]}',
             '{"offsets":["x"]}', '{"offset":[]}', '{"offsets":[{"partition":{},"offset":{}}]}', '{"offsets":[P],"z":1}',
             '{"offsets":[{"partition":{"kafka_topic":"nope","kafka_partition":0},"offset":{"kafka_offset":1}}]}',
             '{"offsets":[{"partition":{"kafka_topic":"t","kafka_partition":7},"offset":{"kafka_offset":1}}]}'):
    ask("PATCH", "/connectors/k/offsets", text.replace("P]", PARTITION % '{"kafka_offset":1}' + "]"))
for offset in ('{"kafka_offset":1.5}', '{"kafka_offset":"x"}', '{"kafka_offset":null}', "{}", "3"):
    ask("PATCH", "/connectors/k/offsets", '{"offsets":[%s]}' % PARTITION % offset)
ask("DELETE", "/connectors/k/offsets")
ask("GET", "/connectors/k/offsets")
for method in ("POST", "PUT"):
    ask(method, "/connectors/k/offsets", "{}")

# verbs that are not there
for method, path in (("DELETE", "/connectors"), ("DELETE", "/"), ("POST", "/"), ("PATCH", "/connectors"), ("POST", "/connector-plugins")):
    ask(method, path)
ask("DELETE", "/connectors/nobody")

# validation
for text in ("", "null", "[]", "{}", '{"connector.class":"SRC"}', '{"name":"v",SO}', '{"name":"v",SO,"x":1,"y":true}', '{"name":"v",SO,"tasks.max":"zero"}',
             '{"name":"v",SI}', '{"name":"v","connector.class":"x.Y"}', '{"name":"v",SO,"x":null}', '{"name":"v",SO,"x":{}}',
             '{"name":"v",SO,"transforms":"t"}', '{"name":"v",SO,"transforms":"t","transforms.t.type":"nope"}'):
    ask("PUT", "/connector-plugins/SRC/config/validate", text.replace("SO", SOURCE).replace("SI}", SINK + "}"))
ask("PUT", "/connector-plugins/nope/config/validate", "{%s}" % SOURCE)
ask("PUT", "/connector-plugins/nope/config/validate", '{"connector.class":"nope"}')
ask("PUT", "/connector-plugins/SINK/config/validate", '{"name":"v","connector.class":"SINK",XTRA}')
ask("PUT", "/connector-plugins/SINK/config/validate", '{"name":"v","connector.class":"SINK",XTRA,"topics":"a","topics.regex":"b"}')
for method in ("GET", "POST"):
    ask(method, "/connector-plugins/SRC/config/validate", None if method == "GET" else "{}")

# names
for name in ("a%20b", "a%2Bb", "a+b", "%C3%A9", "a:b", "a%3Fb", "a%23b", "%22q%22", "x" * 200):
    ask("PUT", f"/connectors/{name}/config", "{%s}" % SOURCE)
    ask("GET", f"/connectors/{name}/config")
    ask("DELETE", f"/connectors/{name}")
for name in ("a", "p", "st", "k"):
    ask("DELETE", f"/connectors/{name}")
ask("GET", "/connectors")

# Where Homeport answers otherwise, on purpose: (method, path, body) -> the error here, and why.
DIFFERS = {
    ("PATCH", "/connectors/st/config", '{"name":"other"}'): (400, "a real worker keeps a configuration with another connector's name"),
    ("PUT", "/connector-plugins/SRC/config/validate", "{}"): (400, "REST-29: no connector.class is a bad request"),
}
