"""Documents that the tests of the parser and of the schema share."""

from __future__ import annotations

from typing import NamedTuple

WHOLE = """\
version: 1
mesh: prod
revision: 41
control_plane:
  kind: hosted
  kubeconfig: hub.yaml
  config_kubeconfig: config.yaml
  system_namespace: istio-system
restart: always
enabled: true
clusters:
  member-a: {kubeconfig: a.yaml, uid: 0b9c6f1e-0000-4000-8000-000000000001, pod_cidrs: [10.10.0.0/16]}
  member-b: {}
groups:
  blue: {clusters: [member-a]}
  green:
    clusters: [member-b]
    gateways:
      member-b/1:
        replicas: 2
        annotations: {example.org/kind: internal}
        load_balancer_ip: 203.0.113.7
        service_type: LoadBalancer
      member-b/2:
        autoscaling: {min: 2, max: 5}
    joined:
    - gateway: member-b/1
    - {address: gw.example.org, port: 15443}
"""

GOOD = {
    "the whole document": WHOLE,
    "the least document": "mesh: prod\nenabled: false\ngroups: {}\n",
    "JSON": '{"mesh": "prod", "enabled": true, "groups": {"blue": {"clusters": ["member-a"]}}}',
    "a group name that starts with a digit": "mesh: prod\nenabled: true\ngroups: {2nd-floor: {clusters: [a]}}\n",
    "quoted names that would be no strings": 'mesh: "010"\nenabled: true\ngroups: {"no": {clusters: ["1e3", "y"]}}\n',
    "a cluster in capitals": "mesh: prod\nenabled: true\ngroups: {blue: {clusters: [Kubernetes]}}\n",
    "a group without gateways, said so": "mesh: prod\nenabled: true\ngroups: {blue: {clusters: [a], gateways: {}}}\n",
    "a gateway with every default": "mesh: prod\nenabled: true\ngroups: {blue: {clusters: [a], gateways: {a/1: {}}}}\n",
    "an IPv6 address": "mesh: prod\nenabled: true\ngroups: {blue: {clusters: [a], joined: [{address: "
    '"2001:db8::1"}]}}\n',
    "an empty annotation": "mesh: prod\nenabled: true\ngroups: {blue: {clusters: [a], gateways: {a/1: "
    '{annotations: {k: ""}}}}}\n',
    "a byte order mark": "\ufeffmesh: prod\nenabled: true\ngroups: {}\n",
    "Windows line ends": "mesh: prod\r\nenabled: true\r\ngroups: {}\r\n",
    "comments and a document start": "# ours\n---\nmesh: prod # the mesh\nenabled: true\ngroups: {}\n...\n",
}


class Bad(NamedTuple):
    """`errors` are `code line:column`.

    `schema`: whether the JSON Schema can see it, given what a YAML reader makes of it.
    """

    text: str
    errors: tuple[str, ...]
    schema: bool = True


HEAD = "mesh: prod\nenabled: true\n"
GROUP = f"{HEAD}groups:\n  blue:\n    clusters: [a]\n"
GATEWAY = f"{GROUP}    gateways:\n      a/1:\n"
LONG = "a" * 64

BAD = {
    "nothing": Bad("", ("file.empty 1:1",)),
    "only a comment": Bad("# later\n", ("file.empty 1:1",)),
    "a list": Bad("- mesh\n", ("file.wrong-type 1:1",)),
    "a word": Bad("mesh\n", ("file.wrong-type 1:1",)),
    "a null": Bad("~\n", ("file.wrong-type 1:1",)),
    "cut off before groups": Bad("mesh: prod\nenabled: true\n", ("file.missing-key 1:1",)),
    "cut off behind groups": Bad("mesh: prod\nenabled: true\ngroups:\n", ("file.wrong-type 3:8",)),
    "cut off in a group": Bad(f"{HEAD}groups:\n  blue:\n", ("file.wrong-type 4:8",)),
    "cut off in a flow": Bad(f"{HEAD}groups: {{blue: {{clusters: [a\n", ("file.syntax 4:1",), schema=False),
    "no mesh": Bad("enabled: true\ngroups: {}\n", ("file.missing-key 1:1",)),
    "no enabled": Bad("mesh: prod\ngroups: {}\n", ("file.missing-key 1:1",)),
    "no clusters of a group": Bad(f"{HEAD}groups:\n  blue: {{}}\n", ("file.missing-key 4:9",)),
    "two documents": Bad(
        "mesh: prod\nenabled: true\ngroups: {}\n---\nmesh: other\n", ("file.several-documents 4:1",), schema=False
    ),
    "a tab as indentation": Bad("mesh: prod\n\tenabled: true\n", ("file.syntax 2:1",), schema=False),
    "a colon too few": Bad("mesh: prod\nenabled\ngroups: {}\n", ("file.syntax 3:1",), schema=False),
    "a control character": Bad("mesh: pr\x07od\n", ("file.unprintable 1:9",), schema=False),
    "an escaped control character": Bad(
        f'{HEAD}groups: {{blue: {{clusters: ["a\\0"]}}}}\n', ("file.unprintable 3:28",)
    ),
    "an alias": Bad(
        f"{HEAD}groups: {{blue: &b {{clusters: [a]}}, green: *b}}\n",
        ("file.alias 3:16", "file.alias 3:43"),
        schema=False,
    ),
    "an anchor alone": Bad(f"{HEAD}groups: &g {{}}\n", ("file.alias 3:9",), schema=False),
    "a tag": Bad(f"{HEAD}groups: !!map {{}}\n", ("file.tag 3:9",), schema=False),
    "a tag that would run code": Bad(
        "mesh: !!python/object/apply:os.system [ls]\nenabled: true\ngroups: {}\n",
        ("file.tag 1:7", "file.wrong-type 1:7"),
    ),
    "a tag directive": Bad(
        f"%TAG !e! tag:example.org,2000:\n---\n{HEAD}groups: {{}}\n", ("file.tag 1:1",), schema=False
    ),
    "a merge key": Bad(
        f"{HEAD}groups: {{blue: {{<<: {{clusters: [a]}}}}}}\n",
        ("file.missing-key 3:16", "file.merge-key 3:17"),
        schema=False,
    ),
    "a default key": Bad(f"{HEAD}groups: {{}}\n=: 1\n", ("file.merge-key 4:1",), schema=False),
    "a key that is a list": Bad(f"{HEAD}groups: {{}}\n[a]: 1\n", ("file.key 4:1",), schema=False),
    "too deep": Bad(f"mesh: {'[' * 40}{']' * 40}\n", ("file.too-deep 1:22",)),
    "a key twice": Bad(
        "mesh: prod\nmesh: test\nenabled: true\ngroups: {}\n", ("file.duplicate-key 2:1",), schema=False
    ),
    "a group twice": Bad(
        f"{HEAD}groups:\n  blue: {{clusters: [a]}}\n  blue: {{clusters: [b]}}\n",
        ("file.duplicate-key 5:3",),
        schema=False,
    ),
    "the same key, once quoted": Bad(
        'mesh: prod\n"mesh": prod\nenabled: true\ngroups: {}\n', ("file.duplicate-key 2:1",), schema=False
    ),
    "an unknown key": Bad(f"{HEAD}groups: {{}}\nreplicas: 3\n", ("file.unknown-key 4:1",)),
    "an unknown key of a group": Bad(f"{GROUP}    gateway: {{}}\n", ("file.unknown-key 6:5",)),
    "an unknown key of a gateway": Bad(f"{GATEWAY}        replica: 3\n", ("file.unknown-key 8:9",)),
    "an unknown key of a cluster": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{token: secret}}}}\n", ("file.unknown-key 4:16",)
    ),
    "an unknown key of the control plane": Bad(
        f"{HEAD}groups: {{}}\ncontrol_plane: {{name: hub}}\n", ("file.unknown-key 4:17",)
    ),
    "an unknown key of an address": Bad(
        f"{GROUP}    joined:\n    - {{address: gw.example.org, ports: 1}}\n", ("file.unknown-key 7:33",)
    ),
    "a mesh that is a number": Bad("mesh: 010\nenabled: true\ngroups: {}\n", ("file.not-a-string 1:7",)),
    "a mesh in exponents": Bad("mesh: 1e3\nenabled: true\ngroups: {}\n", ("file.not-a-string 1:7",), schema=False),
    "a mesh that is a date": Bad("mesh: 2024-01-01\nenabled: true\ngroups: {}\n", ("file.not-a-string 1:7",)),
    "a mesh that is a null": Bad("mesh: ~\nenabled: true\ngroups: {}\n", ("file.not-a-string 1:7",)),
    "a mesh that is nothing": Bad("mesh:\nenabled: true\ngroups: {}\n", ("file.empty-value 1:6",)),
    "a mesh that is empty": Bad('mesh: ""\nenabled: true\ngroups: {}\n', ("file.empty-value 1:7",)),
    "a mesh that is a mapping": Bad("mesh: {}\nenabled: true\ngroups: {}\n", ("file.wrong-type 1:7",)),
    "a mesh in capitals": Bad("mesh: Prod\nenabled: true\ngroups: {}\n", ("file.alphabet 1:7",)),
    "a mesh that is too long": Bad(f"mesh: {LONG}\nenabled: true\ngroups: {{}}\n", ("file.too-long 1:7",)),
    "a group called no": Bad(f"{HEAD}groups: {{no: {{clusters: [a]}}}}\n", ("file.not-a-string 3:10",), schema=False),
    "a group called on": Bad(f"{HEAD}groups:\n  on: {{clusters: [a]}}\n", ("file.not-a-string 4:3",), schema=False),
    "a group called y": Bad(f"{HEAD}groups:\n  y: {{clusters: [a]}}\n", ("file.not-a-string 4:3",), schema=False),
    "a group called 010": Bad(f"{HEAD}groups:\n  010: {{clusters: [a]}}\n", ("file.not-a-string 4:3",), schema=False),
    "a group called 12:30": Bad(
        f"{HEAD}groups:\n  12:30: {{clusters: [a]}}\n", ("file.not-a-string 4:3",), schema=False
    ),
    "a group called null": Bad(f"{HEAD}groups:\n  null: {{clusters: [a]}}\n", ("file.not-a-string 4:3",), schema=False),
    "a group with an underscore": Bad(f"{HEAD}groups:\n  a_b: {{clusters: [a]}}\n", ("file.alphabet 4:3",)),
    "a group with a dot": Bad(f"{HEAD}groups:\n  a.b: {{clusters: [a]}}\n", ("file.alphabet 4:3",)),
    "a group that ends in a hyphen": Bad(f"{HEAD}groups:\n  blue-: {{clusters: [a]}}\n", ("file.alphabet 4:3",)),
    "a group that is too long": Bad(f"{HEAD}groups:\n  {LONG}: {{clusters: [a]}}\n", ("file.too-long 4:3",)),
    "a group in Chinese": Bad(f"{HEAD}groups:\n  蓝: {{clusters: [a]}}\n", ("file.alphabet 4:3",)),
    "groups as a list": Bad(f"{HEAD}groups: [blue]\n", ("file.wrong-type 3:9",)),
    "a group without clusters": Bad(f"{HEAD}groups: {{blue: {{clusters: []}}}}\n", ("file.empty-value 3:27",)),
    "clusters that are one word": Bad(f"{HEAD}groups: {{blue: {{clusters: member-a}}}}\n", ("file.wrong-type 3:27",)),
    "a cluster that is a number": Bad(f"{HEAD}groups: {{blue: {{clusters: [1]}}}}\n", ("file.not-a-string 3:28",)),
    "a cluster with a dot": Bad(f"{HEAD}groups: {{blue: {{clusters: [a.b]}}}}\n", ("file.alphabet 3:28",)),
    "a cluster twice in a group": Bad(f"{HEAD}groups: {{blue: {{clusters: [a, a]}}}}\n", ("file.duplicate-item 3:31",)),
    "a cluster in two groups": Bad(
        f"{HEAD}groups:\n  blue: {{clusters: [a]}}\n  red: {{clusters: [b, a]}}\n",
        ("file.cluster-twice 5:23",),
        schema=False,
    ),
    "enabled as yes": Bad("mesh: prod\nenabled: yes\ngroups: {}\n", ("file.wrong-type 2:10",), schema=False),
    "enabled in quotes": Bad('mesh: prod\nenabled: "true"\ngroups: {}\n', ("file.wrong-type 2:10",)),
    "enabled as a number": Bad("mesh: prod\nenabled: 1\ngroups: {}\n", ("file.wrong-type 2:10",)),
    "a version to come": Bad(f"version: 2\n{HEAD}groups: {{}}\n", ("file.version 1:10",)),
    "a version in quotes": Bad(f'version: "1"\n{HEAD}groups: {{}}\n', ("file.wrong-type 1:10",)),
    "a revision below nothing": Bad(f"{HEAD}groups: {{}}\nrevision: -1\n", ("file.out-of-range 4:11",)),
    "a revision in octal": Bad(f"{HEAD}groups: {{}}\nrevision: 041\n", ("file.number 4:11",), schema=False),
    "a revision with a point": Bad(f"{HEAD}groups: {{}}\nrevision: 41.5\n", ("file.number 4:11",)),
    "an unknown restart policy": Bad(f"{HEAD}groups: {{}}\nrestart: sometimes\n", ("file.choice 4:10",)),
    "a restart policy that is off": Bad(f"{HEAD}groups: {{}}\nrestart: off\n", ("file.choice 4:10",)),
    "an unknown kind of mesh": Bad(f"{HEAD}groups: {{}}\ncontrol_plane: {{kind: ambient}}\n", ("file.choice 4:23",)),
    "a namespace in capitals": Bad(
        f"{HEAD}groups: {{}}\ncontrol_plane: {{system_namespace: Istio}}\n", ("file.alphabet 4:35",)
    ),
    "a control plane that is nothing": Bad(f"{HEAD}groups: {{}}\ncontrol_plane:\n", ("file.wrong-type 4:15",)),
    "a kubeconfig written out": Bad(
        f"{HEAD}groups: {{}}\nclusters:\n  a:\n    kubeconfig:\n      kind: Config\n", ("file.inline-kubeconfig 7:7",)
    ),
    "a kubeconfig as a block": Bad(
        f"{HEAD}groups: {{}}\nclusters:\n  a:\n    kubeconfig: |\n      kind: Config\n",
        ("file.inline-kubeconfig 6:17",),
    ),
    "a control plane's kubeconfig written out": Bad(
        f"{HEAD}groups: {{}}\ncontrol_plane: {{kubeconfig: {{kind: Config}}}}\n", ("file.inline-kubeconfig 4:29",)
    ),
    "an empty path": Bad(f"{HEAD}groups: {{}}\nclusters: {{a: {{kubeconfig: ''}}}}\n", ("file.empty-value 4:28",)),
    "a path that is a number": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{kubeconfig: 7}}}}\n", ("file.not-a-string 4:28",)
    ),
    "a context without kubeconfig": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{context: admin}}}}\n", ("file.context-alone 4:25",)
    ),
    "a config context without kubeconfig": Bad(
        f"{HEAD}groups: {{}}\ncontrol_plane: {{config_context: admin}}\n", ("file.context-alone 4:33",)
    ),
    "a member that is nothing": Bad(f"{HEAD}groups: {{}}\nclusters:\n  a:\n", ("file.wrong-type 5:5",)),
    "members as a list": Bad(f"{HEAD}groups: {{}}\nclusters: [a]\n", ("file.wrong-type 4:11",)),
    "a member with a slash": Bad(f"{HEAD}groups: {{}}\nclusters: {{a/b: {{}}}}\n", ("file.alphabet 4:12",)),
    "a UID with a space": Bad(f"{HEAD}groups: {{}}\nclusters: {{a: {{uid: x y}}}}\n", ("file.alphabet 4:21",)),
    "a UID that is a number": Bad(f"{HEAD}groups: {{}}\nclusters: {{a: {{uid: 12}}}}\n", ("file.not-a-string 4:21",)),
    "a CIDR that is a word": Bad(f"{HEAD}groups: {{}}\nclusters: {{a: {{pod_cidrs: [pods]}}}}\n", ("file.cidr 4:28",)),
    "a CIDR without prefix": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{pod_cidrs: [10.0.0.0]}}}}\n", ("file.cidr 4:28",)
    ),
    "a CIDR with bits behind its prefix": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{pod_cidrs: [10.0.0.1/16]}}}}\n", ("file.cidr 4:28",), schema=False
    ),
    "a CIDR twice": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{pod_cidrs: [10.0.0.0/16, 10.0.0.0/16]}}}}\n",
        ("file.duplicate-item 4:41",),
    ),
    "CIDRs that are one word": Bad(
        f"{HEAD}groups: {{}}\nclusters: {{a: {{pod_cidrs: 10.0.0.0/16}}}}\n", ("file.wrong-type 4:27",)
    ),
    "a gateway without number": Bad(f"{GROUP}    gateways: {{a: {{}}}}\n", ("file.gateway-key 6:16",)),
    "a gateway with number nought": Bad(f"{GROUP}    gateways: {{a/0: {{}}}}\n", ("file.gateway-key 6:16",)),
    "a gateway with a number of two spellings": Bad(
        f"{GROUP}    gateways: {{a/01: {{}}}}\n", ("file.gateway-key 6:16",)
    ),
    "a gateway of another cluster": Bad(
        f"{GROUP}    gateways: {{b/1: {{}}}}\n", ("file.gateway-cluster 6:16",), schema=False
    ),
    "a gateway that is nothing": Bad(GATEWAY, ("file.wrong-type 7:11",)),
    "no replicas": Bad(f"{GATEWAY}        replicas: 0\n", ("file.out-of-range 8:19",)),
    "too many replicas": Bad(f"{GATEWAY}        replicas: 101\n", ("file.out-of-range 8:19",)),
    "replicas in quotes": Bad(f'{GATEWAY}        replicas: "2"\n', ("file.wrong-type 8:19",)),
    "replicas in hexadecimal": Bad(f"{GATEWAY}        replicas: 0x2\n", ("file.number 8:19",), schema=False),
    "replicas in sixties": Bad(f"{GATEWAY}        replicas: 1:20\n", ("file.number 8:19",), schema=False),
    "replicas that are true": Bad(f"{GATEWAY}        replicas: true\n", ("file.wrong-type 8:19",)),
    "replicas beyond every number": Bad(
        f"{GATEWAY}        replicas: {'9' * 5000}\n", ("file.number 8:19",), schema=False
    ),
    "replicas beside an autoscaler": Bad(
        f"{GATEWAY}        replicas: 2\n        autoscaling: {{min: 1, max: 2}}\n",
        ("file.replicas-and-autoscaling 8:19",),
    ),
    "an autoscaler without max": Bad(f"{GATEWAY}        autoscaling: {{min: 1}}\n", ("file.missing-key 8:22",)),
    "an autoscaler upside down": Bad(
        f"{GATEWAY}        autoscaling: {{min: 3, max: 2}}\n", ("file.autoscaling-range 8:28",), schema=False
    ),
    "an autoscaler of none": Bad(f"{GATEWAY}        autoscaling: {{min: 0, max: 2}}\n", ("file.out-of-range 8:28",)),
    "an annotation that is a boolean": Bad(f"{GATEWAY}        annotations: {{k: true}}\n", ("file.not-a-string 8:26",)),
    "an annotation that is nothing": Bad(f"{GATEWAY}        annotations: {{k: }}\n", ("file.empty-value 8:26",)),
    "an annotation key with a space": Bad(f"{GATEWAY}        annotations: {{a b: c}}\n", ("file.alphabet 8:23",)),
    "an annotation key with two slashes": Bad(f"{GATEWAY}        annotations: {{a/b/c: d}}\n", ("file.alphabet 8:23",)),
    "annotations as a list": Bad(f"{GATEWAY}        annotations: [a]\n", ("file.wrong-type 8:22",)),
    "a load balancer IP that is a name": Bad(f"{GATEWAY}        load_balancer_ip: lb.example.org\n", ("file.ip 8:27",)),
    "a load balancer IP out of range": Bad(
        f"{GATEWAY}        load_balancer_ip: 300.1.1.1\n", ("file.ip 8:27",), schema=False
    ),
    "a load balancer IP with an interface": Bad(
        f'{GATEWAY}        load_balancer_ip: "fe80::1%eth0"\n', ("file.ip 8:27",)
    ),
    "an unknown service type": Bad(f"{GATEWAY}        service_type: ExternalName\n", ("file.choice 8:23",)),
    "joined to nothing": Bad(f"{GROUP}    joined: []\n", ("file.empty-value 6:13",)),
    "joined as true": Bad(f"{GROUP}    joined: true\n", ("file.wrong-type 6:13",)),
    "joined at words": Bad(f"{GROUP}    joined: [gw.example.org]\n", ("file.wrong-type 6:14",)),
    "joined at neither": Bad(f"{GROUP}    joined: [{{port: 15443}}]\n", ("file.joined-entry 6:14",)),
    "joined at both": Bad(f"{GROUP}    joined: [{{gateway: a/1, address: 192.0.2.1}}]\n", ("file.joined-entry 6:14",)),
    "joined at a gateway that is not there": Bad(
        f"{GROUP}    joined: [{{gateway: a/1}}]\n", ("file.joined-gateway 6:24",), schema=False
    ),
    "joined twice at one gateway": Bad(
        f"{GATEWAY}        {{}}\n    joined: [{{gateway: a/1}}, {{gateway: a/1, port: 15443}}]\n",
        ("file.duplicate-item 9:30",),
        schema=False,
    ),
    "joined at one host in two spellings": Bad(
        f"{GROUP}    joined: [{{address: GW.example.org}}, {{address: gw.example.org.}}]\n",
        ("file.duplicate-item 6:41",),
        schema=False,
    ),
    "joined at port nought": Bad(
        f"{GROUP}    joined: [{{address: 192.0.2.1, port: 0}}]\n", ("file.out-of-range 6:41",)
    ),
    "joined beyond the ports": Bad(
        f"{GROUP}    joined: [{{address: 192.0.2.1, port: 65536}}]\n", ("file.out-of-range 6:41",)
    ),
    "joined at an address of four and a half": Bad(
        f"{GROUP}    joined: [{{address: 1.5}}]\n", ("file.not-a-string 6:24",)
    ),
    "joined at a loopback": Bad(
        f"{GROUP}    joined: [{{address: 127.0.0.1}}]\n", ("address.loopback 6:24",), schema=False
    ),
    "joined at an address with a slash": Bad(
        f"{GROUP}    joined: [{{address: 192.0.2.1/24}}]\n", ("address.invalid 6:24",), schema=False
    ),
    "joined at a URL": Bad(
        f"{GROUP}    joined: [{{address: 'https://gw.example.org'}}]\n", ("address.invalid 6:24",), schema=False
    ),
    "several at once": Bad(
        "mesh: Prod\nenabled: maybe\ngroups:\n  a_b: {clusters: []}\n  no: {clusters: [c]}\nrestart: on\n",
        (
            "file.alphabet 1:7",
            "file.wrong-type 2:10",
            "file.alphabet 4:3",
            "file.not-a-string 5:3",
            "file.choice 6:10",
        ),
    ),
}
