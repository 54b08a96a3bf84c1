// Package docker checks docker/ without an engine: compose.yaml against the compose specification, what its containers make of
// pbx-configs, and the stages of the Dockerfile.
package docker

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

const folder = "../../docker"

var environment = map[string]string{
	"POSTGRES_PASSWORD": "secret1", "ARI_PASSWORD": "secret2", "ESL_PASSWORD": "secret3", "PHONE_PASSWORD": "secret4",
	"HOST_ADDRESS":   "192.0.2.7",
	"ASTERISK_IMAGE": "registry.example/asterisk:22", "FREESWITCH_IMAGE": "registry.example/freeswitch:1.10",
}

func load(without string) (*types.Project, error) {
	var env []string
	for name, value := range environment {
		if name != without {
			env = append(env, name+"="+value)
		}
	}
	o, err := cli.NewProjectOptions([]string{filepath.Join(folder, "compose.yaml")}, cli.WithEnv(env))
	if err != nil {
		return nil, err
	}
	return o.LoadProject(context.Background())
}

func project(t *testing.T) *types.Project {
	t.Helper()
	p, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestComposeFile is valid, waits for what it needs, and shows the containers the files that are in this repository, to read alone.
func TestComposeFile(t *testing.T) {
	p := project(t)
	names := p.ServiceNames()
	slices.Sort(names)
	if !slices.Equal(names, []string{"asterisk", "c2d", "freeswitch", "postgres"}) {
		t.Fatalf("services are %v", names)
	}
	for name, s := range p.Services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: %s, read-only %v, %v", name, v.Source, v.ReadOnly, err)
			}
		}
		if name == "c2d" {
			continue
		}
		if d, waits := p.Services["c2d"].DependsOn[name]; !waits || d.Condition != types.ServiceConditionHealthy {
			t.Errorf("c2d does not wait for %s", name)
		}
	}
}

// TestNoSecretIsInIt: without a password, and without an image that somebody has to choose, nothing starts.
func TestNoSecretIsInIt(t *testing.T) {
	for name := range environment {
		if _, err := load(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestC2DsFile is what C2D reads there.
func TestC2DsFile(t *testing.T) {
	p := project(t)
	text, err := os.ReadFile(filepath.Join(folder, "c2d.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("c2d.yaml", text, func(name string) (string, bool) {
		value := p.Services["c2d"].Environment[name]
		if value == nil {
			return "", false
		}
		return *value, true
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range cfg.Backends {
		if _, there := p.Services[b.Name]; !there {
			t.Errorf("no service %s", b.Name)
		}
	}
}

// TestWhatThePBXsRead has the passwords and addresses of the containers in it, and none that everybody knows.
func TestWhatThePBXsRead(t *testing.T) {
	for name, shows := range map[string]map[string]string{
		"asterisk": {"ari.conf": "password = secret2", "http.conf": "bindaddr = 0.0.0.0", "rtp.conf": "rtpend = 10099", "pjsip.conf": "secret4-101",
			"extensions_c2d.conf": "Stasis(c2d,"},
		"freeswitch": {"vars.xml": "esl_password=secret3", "autoload_configs/event_socket.conf.xml": `"apply-inbound-acl" value="containers"`,
			"autoload_configs/switch.conf.xml": `"rtp-end-port" value="20099"`, "directory/default.xml": "secret4-102",
			"sip_profiles/internal/container.xml": `"ext-rtp-ip" value="192.0.2.7"`, "dialplan/default/00_c2d.xml": "c2d:8084"},
	} {
		etc := prepared(t, name)
		for file, want := range shows {
			text, err := os.ReadFile(filepath.Join(etc, file))
			if err != nil || !strings.Contains(string(text), want) || regexp.MustCompile(`replace-this-(ari|esl|password)`).Match(text) {
				t.Errorf("%s/%s: no %q, or a password that everybody knows (%v)", name, file, want, err)
			}
		}
	}
}

// prepared does what a container does before its PBX starts, in a folder of the test's.
func prepared(t *testing.T, name string) (etc string) {
	t.Helper()
	s, etc := project(t).Services[name], t.TempDir()
	configs, err := filepath.Abs(filepath.Join("..", "..", "pbx-configs", name))
	if err != nil {
		t.Fatal(err)
	}
	script, start, found := strings.Cut(strings.ReplaceAll(s.Command[0], "$$", "$"), "exec ")
	if !found || !strings.HasPrefix(start, name) {
		t.Errorf("%s does not start, but: %s", name, start)
	}
	cmd := exec.Command("/bin/sh", "-ec", strings.NewReplacer("/etc/"+name, etc, "/pbx-configs", configs).Replace(script))
	for variable, value := range s.Environment {
		cmd.Env = append(cmd.Env, variable+"="+*value)
	}
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return etc
}

// files are those of a folder, with other words in them.
func files(t *testing.T, folder string, words ...string) (all []pbx.File) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(folder, path) // it is below
			all = append(all, pbx.File{Name: name, Text: strings.NewReplacer(words...).Replace(read(t, path))})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFreeSWITCHStartsWithIt: the health check gets in, phones are told the host's address and the port that is open there, and the
// container of C2D is where its dialplan looks for it.
func TestFreeSWITCHStartsWithIt(t *testing.T) {
	p, addr := project(t), pbx.NextAddress()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Addr: addr, Files: files(t, prepared(t, "freeswitch"), "esl_address=0.0.0.0", "esl_address="+addr.String(), "secret3", "only-for-this-test", "$${local_ip_v4}", addr.String())})
	for command, want := range map[string]string{
		"sofia xmlstatus profile internal": "<ext-rtp-ip>192.0.2.7</ext-rtp-ip>", "sofia status": fmt.Sprintf("%s:%s", "192.0.2.7", published(p, "freeswitch", "udp")),
		"acl 172.18.0.5 containers": "true", "acl 203.0.113.5 containers": "false", "xml_locate dialplan": "c2d:8084",
	} {
		if said := f.Console(t, command); !strings.Contains(said, want) {
			t.Errorf("%s says %q, want %q", command, said, want)
		}
	}
}

// TestAsteriskStartsWithIt: phones are told the host's address, and the feature code is known.
func TestAsteriskStartsWithIt(t *testing.T) {
	p, addr := project(t), pbx.NextAddress()
	a := pbx.StartAsterisk(t, pbx.Switch{Addr: addr, Files: files(t, prepared(t, "asterisk"), "0.0.0.0", addr.String(), "secret2", "only-for-this-test")})
	for command, want := range map[string]string{
		"pjsip show transport udp": "192.0.2.7", "dialplan show c2d-features": "Stasis(c2d,",
	} {
		if said := a.Console(t, command); !strings.Contains(said, want) {
			t.Errorf("%s says %q, want %q", command, said, want)
		}
	}
	if a.Addr.Port() != 5060 || published(p, "asterisk", "udp") != "5060" {
		t.Errorf("phones are told %s, open is %s", a.Addr, published(p, "asterisk", "udp"))
	}
}

// published is the one port of SIP that a service has on the host, and inside: what a PBX tells phones has to be both.
func published(p *types.Project, service, protocol string) string {
	for _, port := range p.Services[service].Ports {
		if port.Protocol == protocol && port.Target < 10000 && port.Published == strconv.Itoa(int(port.Target)) {
			return port.Published
		}
	}
	return "none that is the same on both sides"
}

// TestDockerfile: a static program, nobody's root, in an image of nothing else.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(text), -1)
	if len(stages) != 3 {
		t.Fatalf("%d stages", len(stages)-1)
	}
	build, last := stages[1], stages[2]
	version := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindStringSubmatch(read(t, "../../go.mod"))
	if !strings.HasPrefix(build, "golang:"+version[1]+"-alpine AS build\n") || !strings.Contains(build, "CGO_ENABLED=0 go build") {
		t.Errorf("it is built by\n%s", build)
	}
	if !strings.HasPrefix(last, "scratch\n") || strings.Contains(last, "\nRUN ") {
		t.Errorf("the image has more in it:\n%s", last)
	}
	for _, want := range []string{`\nUSER [1-9][0-9]*:[1-9][0-9]*\n`, `\nCOPY --from=build /etc/ssl/certs/`, `\nHEALTHCHECK .* CMD \["/usr/local/bin/c2d", "health"\]\n`, `\nENTRYPOINT \["/usr/local/bin/c2d"\]\n`} {
		if !regexp.MustCompile(want).MatchString(last) {
			t.Errorf("no %s in\n%s", want, last)
		}
	}
	known := []string{"FROM", "RUN", "WORKDIR", "COPY", "ARG", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
	for line := range strings.Lines(string(text)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && !strings.HasPrefix(word, "#") && !slices.Contains(known, word) {
			t.Errorf("no instruction: %s", line)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
