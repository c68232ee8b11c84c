package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBody is the longest request body in bytes: room for the longest message with every character
// escaped, and for a group of 1,000 people.
const maxBody = 128 << 10

// strictJSON reads and writes JSON as json/v2 does by itself: it refuses doubled keys, wrong case, lone
// surrogates and invalid UTF-8. Unknown members are refused by the schemas.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error { return json.MarshalWrite(w, v, jsontext.AllowInvalidUTF8(true)) },
	Unmarshal: func(data []byte, v any) error {
		err := json.Unmarshal(data, v)
		if err == nil {
			return nil
		}
		// The error of the package may quote the body.
		var wrongType *json.SemanticError
		if errors.As(err, &wrongType) {
			return errors.New("A value has the wrong type.")
		}
		return errors.New("The body is not valid JSON.")
	},
}

// onlyJSON refuses bodies of another type: browsers send those across sites without asking.
func onlyJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Header.Get("Content-Type")
		if kind == "" && (r.ContentLength == 0 || r.Body == http.NoBody) {
			next.ServeHTTP(w, r)
			return
		}
		media, parameters, err := mime.ParseMediaType(kind)
		charset := parameters["charset"]
		if err != nil || media != "application/json" || (charset != "" && charset != "utf-8" && charset != "UTF-8") {
			writeInvalid(w, r, http.StatusUnsupportedMediaType, "The body must be JSON: Content-Type: application/json.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
