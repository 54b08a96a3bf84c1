// Package docker checks docker/ without an engine: compose.yaml against the compose specification, what its containers make of
// pbx-configs, and the stages of the Dockerfile.
package docker

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"c2d/cmd/c2d/config"
)

const folder = "../../docker"

var environment = map[string]string{
	"POSTGRES_PASSWORD": "secret1", "ARI_PASSWORD": "secret2", "ESL_PASSWORD": "secret3", "PHONE_PASSWORD": "secret4",
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

// TestWhatThePBXsRead does what a container does before its PBX starts, in a folder of the test's.
func TestWhatThePBXsRead(t *testing.T) {
	for name, shows := range map[string]map[string]string{
		"asterisk": {"ari.conf": "password = secret2", "http.conf": "bindaddr = 0.0.0.0", "rtp.conf": "rtpend = 10099", "pjsip.conf": "secret4-101"},
		"freeswitch": {"vars.xml": "esl_password=secret3", "autoload_configs/event_socket.conf.xml": "rfc1918.auto",
			"autoload_configs/switch.conf.xml": `"rtp-end-port" value="20099"`, "directory/default.xml": "secret4-102"},
	} {
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
		for file, want := range shows {
			text, err := os.ReadFile(filepath.Join(etc, file))
			if err != nil || !strings.Contains(string(text), want) || regexp.MustCompile(`replace-this-(ari|esl|password)`).Match(text) {
				t.Errorf("%s/%s: no %q, or a password that everybody knows (%v)", name, file, want, err)
			}
		}
	}
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
