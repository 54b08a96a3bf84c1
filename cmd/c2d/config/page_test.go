package config

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var framed = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// TestPagesOfPhoneSystems reads what the pages for admins say belongs into c2d.yaml.
func TestPagesOfPhoneSystems(t *testing.T) {
	secrets := func(string) (string, bool) { return "secret", true }
	for _, page := range []string{"asterisk", "freeswitch"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "pbx-configs", page, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		frames := framed.FindAllSubmatch(text, -1)
		if len(frames) == 0 {
			t.Errorf("%s: no c2d.yaml is shown", page)
		}
		for _, f := range frames {
			if c, err := Parse(page, f[1], secrets); err != nil || c.Backends[0].Kind != page {
				t.Errorf("%v\n%s", err, f[1])
			}
		}
	}
}
