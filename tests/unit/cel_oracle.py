#!/usr/bin/env python3
"""Functions of the expression language against other programs: Python's ipaddress, re, base64 and
number formatting, and psl(1) for the public suffix list.

    cel_oracle.py CEL_LINES

One expression a line goes to CEL_LINES; what comes back must be what the oracle says. Prints one
line per difference and closes with "N passed, N failed, N skipped".
"""
import base64
import ipaddress
import json
import random
import re
import shutil
import subprocess
import sys

RANDOM = random.Random(20260101)


def quote(text):
    return json.dumps(text, ensure_ascii=False)


def lower(flag):
    return "true" if flag else "false"


def addresses():
    """Texts that are or look like addresses."""
    for _ in range(300):
        yield str(ipaddress.IPv4Address(RANDOM.getrandbits(32)))
        # few bits set: runs of zeros of every length and place
        number = 0
        for group in range(8):
            number = number << 16 | (RANDOM.getrandbits(16) >> RANDOM.randrange(17)) * RANDOM.randrange(2)
        address = ipaddress.IPv6Address(number)
        yield address.exploded.upper()
        yield address.compressed
    yield from ["127.0.0.1", "127.1", "0127.0.0.1", "1.2.3.4.5", "1.2.3", "256.1.1.1", "1.2.3.4 ", "::",
                ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "12345::",
                "g::", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4", "", ".", ":", "1.2.3.4/24", "::1/128"]


def ip_cases():
    for text in addresses():
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            yield f"isIP({quote(text)})", "= false"
            continue
        if address.version == 6 and address.ipv4_mapped:
            continue
        # later versions of Python write embedded IPv4 addresses with dots: say it in groups
        yield f"string(ip({quote(text)}))", f"= {address.compressed}"
        yield f"ip({quote(text)}).isLoopback()", f"= {lower(address.is_loopback)}"
        yield f"ip({quote(text)}).isUnspecified()", f"= {lower(address.is_unspecified)}"
        yield f"ip({quote(text)}).isLinkLocalUnicast()", f"= {lower(address.is_link_local)}"
        yield f"ip({quote(text)}).family()", f"= {address.version}"


def cidr_cases():
    for _ in range(300):
        six = RANDOM.random() < 0.5
        bits = 128 if six else 32
        kind = ipaddress.IPv6Address if six else ipaddress.IPv4Address
        base = RANDOM.getrandbits(bits)
        near = kind(base ^ (RANDOM.getrandbits(bits) >> RANDOM.randrange(bits)))
        net = ipaddress.ip_network((kind(base), RANDOM.randrange(bits + 1)), strict=False)
        other = ipaddress.ip_network((near, RANDOM.randrange(bits + 1)), strict=False)
        if net.network_address in ipaddress.ip_network("::ffff:0:0/96" if six else "0.0.0.0/32"):
            continue
        text = quote(f"{kind(base)}/{net.prefixlen}")
        yield f"string(cidr({text}).masked())", f"= {net}"
        yield f"cidr({text}).containsIP({quote(str(near))})", f"= {lower(near in net)}"
        yield (f"cidr({text}).containsCIDR({quote(str(other))})",
               f"= {lower(other.prefixlen >= net.prefixlen and other.subnet_of(net))}")


def regex_cases():
    """Expressions that both libraries read alike."""
    atoms = ["a", "b", ".", "[ab]", "[^a]", "(a|b)", "a*", "b+", "a?", "(ab)*", "a{1,2}", "^", "$", "\\.", "x"]
    for _ in range(600):
        pattern = "".join(RANDOM.choice(atoms) for _ in range(RANDOM.randrange(1, 5)))
        text = "".join(RANDOM.choice("ab.x") for _ in range(RANDOM.randrange(7)))
        found = re.search(pattern.replace("$", r"\Z"), text)
        yield f"{quote(text)}.matches({quote(pattern)})", f"= {lower(found)}"
        if "(" not in pattern:
            all_found = [m.group() for m in re.finditer(pattern.replace("$", r"\Z"), text)]
            # Go and RE2 leave out an empty match right behind another one
            if all(all_found):
                yield (f"regex.extractAll({quote(text)}, {quote(pattern)})",
                       f"= [{', '.join(all_found)}]")


def format_cases():
    for _ in range(300):
        number = RANDOM.getrandbits(RANDOM.randrange(1, 64)) * RANDOM.choice([1, -1])
        real = RANDOM.uniform(-1, 1) * 10 ** RANDOM.randrange(-5, 20)
        digits = RANDOM.randrange(12)
        yield f"'%d %x %o %b'.format([{number}, {number}, {number}, {number}])", \
            f"= {number} {number:x} {number:o} {number:b}"
        yield f"'%.{digits}f %.{digits}e'.format([{real!r}, {real!r}])", \
            f"= {real:.{digits}f} {real:.{digits}e}"


def base64_cases():
    for size in range(60):
        data = bytes(RANDOM.getrandbits(8) for _ in range(size))
        text = base64.b64encode(data).decode()
        literal = "b'" + "".join(f"\\x{byte:02x}" for byte in data) + "'"
        yield f"base64.encode({literal})", f"= {text}"
        yield f"base64.decode({quote(text)}) == {literal}", "= true"
        yield f"base64.decode({quote(text.rstrip('='))}) == {literal}", "= true"


def string_cases():
    for _ in range(400):
        text = "".join(RANDOM.choice("ab©") for _ in range(RANDOM.randrange(8)))
        part = "".join(RANDOM.choice("ab©") for _ in range(RANDOM.randrange(1, 3)))
        yield f"{quote(text)}.indexOf({quote(part)})", f"= {text.find(part)}"
        yield f"{quote(text)}.lastIndexOf({quote(part)})", f"= {text.rfind(part)}"
        yield f"{quote(text)}.replace({quote(part)}, 'X')", f"= {text.replace(part, 'X')}"
        yield f"{quote(text)}.split({quote(part)})", f"= [{', '.join(text.split(part))}]"
        yield f"{quote(text)}.reverse()", f"= {text[::-1]}"


def list_cases():
    for _ in range(200):
        items = [RANDOM.randrange(-5, 6) for _ in range(RANDOM.randrange(9))]
        if not items:
            continue
        yield f"{items}.sort()", f"= {sorted(items)}"
        yield f"{items}.sortBy(x, -x)", f"= {sorted(items, key=lambda x: -x)}"
        yield f"{items}.sortBy(x, x * x)", f"= {sorted(items, key=lambda x: x * x)}"
        yield f"{items}.sortBy(x, [x, 0].sortBy(y, -y)[0])", f"= {sorted(items, key=lambda x: max(x, 0))}"
        yield f"{items}.distinct()", f"= {list(dict.fromkeys(items))}"


def domain_cases():
    """psl(1) reads the same list."""
    with open("/usr/share/publicsuffix/public_suffix_list.dat", encoding="utf-8") as lines:
        rules = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    hosts = []
    for rule in rules:
        name = rule.lstrip("!").replace("*", "wild")
        hosts += [name, f"one.{name}", f"two.one.{name}"]
    said = subprocess.run(["psl", "--print-reg-domain"], input="\n".join(hosts), text=True, check=True,
                          capture_output=True).stdout.splitlines()
    for host, line in zip(hosts, said, strict=True):
        domain = line.rpartition(": ")[2]
        domain = "" if domain == "(null)" else domain
        yield f"{quote(host)}.domain()", f"= {domain}"


def main():
    cases = [*ip_cases(), *cidr_cases(), *regex_cases(), *format_cases(), *base64_cases(), *string_cases(),
             *list_cases()]
    skipped = 0
    if shutil.which("psl"):
        cases += domain_cases()
    else:
        print("skipped: domains: psl(1) is not installed")
        skipped = 1
    done = subprocess.run([sys.argv[1]], input="\n".join(case for case, _ in cases), text=True, check=True,
                          capture_output=True).stdout.splitlines()
    failed = 0
    for (expression, want), got in zip(cases, done, strict=True):
        if got.rstrip() != want.rstrip():
            failed += 1
            if failed <= 20:
                print(f"{expression}: {got}, not {want}")
    print(f"{len(cases) - failed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
