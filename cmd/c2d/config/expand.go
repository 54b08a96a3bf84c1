package config

import (
	"fmt"
	"regexp"
	"strings"
)

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand puts the environment's values in the place of ${NAME}. What comes in is not expanded again.
func expand(s string, env func(string) (string, bool)) (string, []string) {
	var out strings.Builder
	var errs []string
	for {
		before, rest, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String(), errs
		}
		name, after, closed := strings.Cut(rest, "}")
		value, set := "", false
		if nameForm.MatchString(name) {
			value, set = env(name)
		}
		switch {
		case !closed:
			return "", append(errs, "${ has no } after it")
		case !nameForm.MatchString(name):
			errs = append(errs, "${…} holds no name of an environment variable")
		case !set:
			errs = append(errs, fmt.Sprintf("the environment has no %s", name))
		}
		out.WriteString(value)
		s = after
	}
}
