// What somebody else's program reads in a mail: Go's own net/mail and mime/multipart. Each line of input names a file;
// each is answered by a line of JSON: the header, and the tree with what it makes of each part.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type node struct {
	Type        string              `json:"type"`
	Charset     string              `json:"charset,omitempty"`
	Disposition string              `json:"disposition,omitempty"`
	Name        string              `json:"name,omitempty"`
	Cid         string              `json:"cid,omitempty"`
	Header      map[string][]string `json:"header,omitempty"`
	Size        int                 `json:"size"`
	Sha256      string              `json:"sha256,omitempty"`
	Text        *string             `json:"text,omitempty"`
	Codec       string              `json:"codec,omitempty"`
	Trouble     string              `json:"trouble,omitempty"`
	Parts       []*node             `json:"parts"`
}

type letter struct {
	Header map[string][]string `json:"header,omitempty"`
	Tree   *node               `json:"tree,omitempty"`
	Error  string              `json:"error,omitempty"`
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for input.Scan() {
		if err := output.Encode(read(input.Text())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func read(path string) letter {
	raw, err := os.ReadFile(path)
	if err != nil {
		return letter{Error: err.Error()}
	}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return letter{Error: err.Error()}
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return letter{Error: err.Error()}
	}
	return letter{Header: message.Header, Tree: part(message.Header, body)}
}

func part(header map[string][]string, body []byte) *node {
	made := &node{Parts: []*node{}}
	kind, parameters, err := mime.ParseMediaType(first(header, "Content-Type"))
	if err != nil {
		kind = strings.ToLower(first(header, "Content-Type"))
	}
	if kind == "" {
		kind = "text/plain"
	}
	made.Type, made.Charset = kind, strings.ToLower(parameters["charset"])
	disposition, more, _ := mime.ParseMediaType(first(header, "Content-Disposition"))
	made.Disposition, made.Name = disposition, word(more["filename"])
	if made.Name == "" {
		made.Name = word(parameters["name"])
	}
	made.Cid = strings.Trim(first(header, "Content-Id"), "<>")
	if strings.HasPrefix(kind, "multipart/") && parameters["boundary"] != "" {
		made.split(body, parameters["boundary"])
		return made
	}
	content, trouble := decoded(body, first(header, "Content-Transfer-Encoding"))
	sum := sha256.Sum256(content)
	made.Size, made.Sha256, made.Trouble = len(content), hex.EncodeToString(sum[:]), trouble
	if strings.HasPrefix(kind, "text/") && disposition != "attachment" {
		text, codec := shown(content, made.Charset)
		made.Text, made.Codec = &text, codec
	}
	return made
}

func (made *node) split(body []byte, boundary string) {
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		// Raw, so that the transfer encoding is ours to undo for every part alike.
		next, err := reader.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			made.Trouble = err.Error()
			return
		}
		content, err := io.ReadAll(next)
		child := part(next.Header, content)
		child.Header = next.Header
		made.Parts = append(made.Parts, child)
		if err != nil {
			made.Trouble = err.Error()
			return
		}
	}
}

func decoded(body []byte, encoding string) ([]byte, string) {
	var source io.Reader = bytes.NewReader(body)
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		source = quotedprintable.NewReader(source)
	case "base64":
		source = base64.NewDecoder(base64.StdEncoding, source)
	}
	content, err := io.ReadAll(source)
	if err != nil {
		return content, err.Error()
	}
	return content, ""
}

// Text that is no Unicode is shown byte by byte: Go knows no other charset by itself.
func shown(content []byte, charset string) (string, string) {
	little := charset == "utf-16le" || bytes.HasPrefix(content, []byte("\xff\xfe"))
	big := charset == "utf-16be" || bytes.HasPrefix(content, []byte("\xfe\xff"))
	if little || big {
		units := make([]uint16, len(content)/2)
		for at := range units {
			low, high := content[2*at], content[2*at+1]
			if big {
				low, high = high, low
			}
			units[at] = uint16(low) | uint16(high)<<8
		}
		return string(utf16.Decode(units)), "characters"
	}
	if utf8.Valid(content) && (charset == "" || charset == "utf-8" || charset == "us-ascii") {
		return string(content), "characters"
	}
	characters := make([]rune, len(content))
	for at, one := range content {
		characters[at] = rune(one)
	}
	return string(characters), "bytes"
}

func word(text string) string {
	decoder := mime.WordDecoder{CharsetReader: func(_ string, input io.Reader) (io.Reader, error) { return input, nil }}
	if made, err := decoder.DecodeHeader(text); err == nil && utf8.ValidString(made) {
		return made
	}
	return text
}

func first(header map[string][]string, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
