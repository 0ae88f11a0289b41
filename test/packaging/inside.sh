# Run by test/packaging/run in a minimal Debian 12 root; the packages lie in /debs.
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
export DEBIAN_FRONTEND=noninteractive
step() { echo "packaging: $*"; }

step "install with apt from local files"
apt-get update -qq
apt-get install -y -qq --no-install-recommends /debs/fep-gateway_*.deb /debs/fep-gateway-dev_*.deb /debs/fep-gateway-sim_*.deb \
    >/debs/apt.log 2>&1 || { cat /debs/apt.log; exit 1; }
id fep >/dev/null
[ "$(stat -c '%U %a' /var/lib/fep)" = "fep 700" ]
[ "$(stat -c '%U %a' /etc/fep/keys)" = "fep 700" ]
fepd --version
fepctl --version
fepsim --help >/dev/null

step "keys and a configuration of one's own"
as_fep() { setpriv --reuid=fep --regid=fep --clear-groups "$@"; }
for kind in link body pseudonym; do as_fep fepctl keys $kind /etc/fep/keys/$kind.key >/dev/null; done
install -d -o fep -g fep -m 0700 /run/fep
modules=$(echo /usr/lib/*/fep/adapters)
cat >/etc/fep/fepd.conf <<CONFIG
gateway = { node = "GW4501000001"; name = "南宁"; region = "450100"; state_directory = "/var/lib/fep";
  run_directory = "/run/fep"; link_key_file = "keys/link.key"; body_key_file = "keys/body.key";
  pseudonym_key_file = "keys/pseudonym.key"; };
peers = ( );
instances = ( { name = "asking"; module = "loopback"; options = { listen = "unix:/run/fep/calls"; }; },
              { name = "asked"; module = "loopback"; } );
routes = "/etc/fep/own-routes.cfg"; transactions = "/usr/share/fep/transactions.cfg";
schema_directory = "/usr/share/fep"; adapter_directory = "$modules";
CONFIG
echo 'routes = ( { prefix = "4501"; to = ( "asked" ); } );' >/etc/fep/own-routes.cfg
as_fep fepctl config check

run_one() { # run_one MSGID: start, settle one update, stop
    setpriv --reuid=fep --regid=fep --clear-groups fepd --config /etc/fep/fepd.conf 2>/debs/fepd.log &
    pid=$!
    tries=0
    until as_fep fepctl status --json 2>/dev/null | grep -q '"name": *"asked", *"up": *true, *"ready": *true'; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { cat /debs/fepd.log; as_fep fepctl status --json; exit 1; }
        sleep 0.1
    done
    as_fep python3 /debs/settle.py /run/fep/calls "$1" || { as_fep fepctl status; cat /debs/fepd.log; exit 1; }
    as_fep fepctl --lang en why "$1"
    as_fep fepctl --lang en queue
    kill "$pid"
    wait "$pid"
}
step "start, settle, explain, stop"
run_one H45010000001202611220000000001

step "reinstall over a store that holds something; the answer is still the same"
apt-get install -y -qq --reinstall --no-install-recommends /debs/fep-gateway_*.deb >/debs/apt.log 2>&1
grep -q own-routes /etc/fep/fepd.conf # what a person wrote stays
run_one H45010000001202611220000000001

step "remove and purge keep what is evidence about money"
apt-get purge -y -qq fep-gateway fep-gateway-dev fep-gateway-sim >/debs/apt.log 2>&1
[ -f /var/lib/fep/queue.db ] && [ -f /etc/fep/keys/link.key ]
[ ! -e /usr/sbin/fepd ] && [ ! -e /usr/bin/fepctl ] && [ ! -e /usr/bin/fepsim ]
step "all good"
