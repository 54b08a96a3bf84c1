// Package bench measures how long a click takes, and how many calls the service carries. README.md has the figures.
package bench
