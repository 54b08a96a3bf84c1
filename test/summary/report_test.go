package main

import (
	"strings"
	"testing"
)

// tell feeds events to a report and returns it with what it wrote.
func tell(t *testing.T, lines ...string) (*report, string) {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	r.close()
	return r, out.String()
}

func TestReport(t *testing.T) {
	cases := []struct {
		name  string
		lines []string
		want  []string // in this order
		not   string
	}{
		{"pass and skip", []string{
			`{"Action":"output","Package":"c2d/a","Test":"TestOne","Output":"noise\n"}`,
			`{"Action":"pass","Package":"c2d/a","Test":"TestOne"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestTwo","Output":"=== RUN   TestTwo\n"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestTwo","Output":"    a_test.go:9: needs sipp\n"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestTwo","Output":"--- SKIP: TestTwo (0.00s)\n"}`,
			`{"Action":"skip","Package":"c2d/a","Test":"TestTwo"}`,
			`{"Action":"pass","Package":"c2d/a","Elapsed":0.5}`,
		}, []string{"ok    c2d/a (0.5 s)", "skip  c2d/a TestTwo: needs sipp\n", "1 passed, 0 failed, 1 skipped\n"}, "noise"},
		{"skipped for one reason", []string{
			`{"Action":"output","Package":"c2d/a","Test":"TestOne","Output":"    a_test.go:9: needs sipp\n"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestOne","Output":"    a_test.go:7: needs sipp\n"}`,
			`{"Action":"skip","Package":"c2d/a","Test":"TestOne"}`,
			`{"Action":"output","Package":"c2d/b","Test":"TestOne","Output":"    b_test.go:9: needs sipp\n"}`,
			`{"Action":"skip","Package":"c2d/b","Test":"TestOne"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestTwo","Output":"    b_test.go:9: needs sipp\n"}`,
			`{"Action":"skip","Package":"c2d/a","Test":"TestTwo"}`,
			`{"Action":"output","Package":"c2d/a","Test":"TestSix","Output":"    b_test.go:9: needs ip\n"}`,
			`{"Action":"skip","Package":"c2d/a","Test":"TestSix"}`,
		}, []string{"skip  c2d/a TestOne and 1 more: needs sipp\n", "skip  c2d/b TestOne: needs sipp\n", "skip  c2d/a TestSix: needs ip\n", "0 passed, 0 failed, 4 skipped\n"}, "TestTwo"},
		{"failed test counts once", []string{
			`{"Action":"output","Package":"c2d/a","Test":"TestOne","Output":"wrong\n"}`,
			`{"Action":"fail","Package":"c2d/a","Test":"TestOne"}`,
			`{"Action":"fail","Package":"c2d/a"}`,
		}, []string{"--- c2d/a TestOne\nwrong\n", "FAIL  c2d/a", "0 passed, 1 failed, 0 skipped\n"}, "did not end"},
		{"does not build", []string{
			`{"ImportPath":"c2d/a","Action":"build-output","Output":"a.go:1: syntax error\n"}`,
			`{"ImportPath":"c2d/a","Action":"build-fail"}`,
			`{"Action":"fail","Package":"c2d/a","FailedBuild":"c2d/a"}`,
		}, []string{"a.go:1: syntax error", "FAIL  c2d/a", "0 passed, 1 failed, 0 skipped\n"}, "did not end"},
		{"cut off", []string{
			`{"Action":"output","Package":"c2d/a","Test":"TestOne","Output":"panic: x\n"}`,
			`{"Action":"fail","Package":"c2d/a"}`,
		}, []string{"--- c2d/a TestOne did not end\npanic: x\n", "0 passed, 1 failed, 0 skipped\n"}, "ok    "},
		{"no tests, and a line that is no event", []string{
			`plain words`, `{"Action":"skip","Package":"c2d/a"}`,
		}, []string{"plain words", "0 passed, 0 failed, 0 skipped\n"}, "c2d/a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, got := tell(t, c.lines...)
			rest := got
			for _, w := range c.want {
				_, after, ok := strings.Cut(rest, w)
				if !ok {
					t.Fatalf("want %q next in:\n%s", w, got)
				}
				rest = after
			}
			if strings.Contains(got, c.not) {
				t.Errorf("did not want %q in:\n%s", c.not, got)
			}
		})
	}
}
