// wordfreq [FILE...]: how often each word is in the files, or in stdin; the most frequent first.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func main() {
	counts := map[string]int{}
	collect := func(in io.Reader) error {
		text, err := io.ReadAll(bufio.NewReader(in))
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !isLetter(r) }) {
			counts[strings.ToLower(word)]++
		}
		return err
	}
	status := 0
	complain := func(err error) {
		fmt.Fprintf(os.Stderr, "wordfreq: %v\n", err)
		status = 1
	}
	if len(os.Args) < 2 {
		if err := collect(os.Stdin); err != nil {
			complain(err)
		}
	}
	for _, name := range os.Args[1:] {
		in, err := os.Open(name)
		if err == nil {
			err = collect(in)
			in.Close()
		}
		if err != nil {
			complain(err)
		}
	}
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool {
		if counts[words[i]] != counts[words[j]] {
			return counts[words[i]] > counts[words[j]]
		}
		return words[i] < words[j]
	})
	for _, word := range words {
		fmt.Println(counts[word], word)
	}
	os.Exit(status)
}
