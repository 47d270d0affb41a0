//! What the Dockerfile says of one image, as far as it can be known without an engine.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One image.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Image {
    /// What goes into it, in this order, each a layer.
    pub(super) copies: Vec<Copy>,
    /// How it runs: the `config` of an OCI image, with Docker's health check.
    pub(super) config: Map<String, Value>,
}

/// Files of the stage `binaries` that go into an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// The instruction.
    pub(super) line: String,
    /// A folder there.
    pub(super) from: String,
    /// A folder of the image.
    pub(super) to: String,
    /// The user and group of all that is copied.
    pub(super) owner: (u64, u64),
}

/// Reads the last stage of a Dockerfile and the stages that it is built on; `args` are what a build would be given.
pub(super) fn read(text: &str, args: &[(&str, &str)]) -> Result<Image, String> {
    let mut reader = Reader::new(args);
    let mut stages: Vec<Stage> = Vec::new();
    for line in instructions(text) {
        let (word, rest) = line.split_once(' ').ok_or_else(|| bad(&line))?;
        match (word, stages.last_mut()) {
            ("FROM", _) => stages.push(Stage::new(&reader.filled(rest)?)),
            ("ARG", None) => reader.arg(rest),
            (_, Some(stage)) => stage.lines.push(line),
            _ => return Err(bad(&line)),
        }
    }
    let mut lines: Vec<&str> = Vec::new();
    let mut at = stages.last().ok_or("a Dockerfile without a stage")?;
    loop {
        lines.splice(0..0, at.lines.iter().map(String::as_str));
        if at.from == "scratch" {
            break;
        }
        let below = stages.iter().find(|stage| stage.name == at.from);
        at = below.ok_or_else(|| format!("{} is no stage of the Dockerfile", at.from))?;
    }
    lines.into_iter().try_for_each(|line| reader.follow(line))?;
    Ok(reader.image)
}

struct Stage {
    name: String,
    from: String,
    lines: Vec<String>,
}

impl Stage {
    /// `image AS name`
    fn new(words: &str) -> Self {
        let (from, name) = words.split_once(" AS ").unwrap_or((words, ""));
        let (from, name) = (from.to_owned(), name.to_owned());
        Self {
            name,
            from,
            lines: Vec::new(),
        }
    }
}

/// Each in one line, without comments.
fn instructions(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text: Vec<&str> = lines.collect();
    let text = text.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.lines().map(words);
    lines.filter(|line| !line.is_empty()).collect()
}

fn bad(line: &str) -> String {
    format!("an image cannot be made without an engine of: {line}")
}

/// An image in the making.
struct Reader {
    args: BTreeMap<String, String>,
    image: Image,
}

impl Reader {
    fn new(args: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            args: args.iter().map(owned).collect(),
            image: Image::default(),
        }
    }

    /// `NAME=default`, or `NAME` alone, which is one from above the stages.
    fn arg(&mut self, declared: &str) {
        if let Some((name, default)) = declared.split_once('=') {
            let arg = self.args.entry(name.to_owned());
            arg.or_insert_with(|| default.to_owned());
        }
    }

    /// A text with its `${NAME}`s.
    fn filled(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| bad(text))?;
            let value = self.args.get(name);
            filled.push_str(before);
            filled.push_str(value.ok_or_else(|| format!("no value for {name} in: {text}"))?);
            rest = after;
        }
        Ok(filled + rest)
    }

    fn follow(&mut self, line: &str) -> Result<(), String> {
        let line = &self.filled(line)?;
        let (word, rest) = line.split_once(' ').ok_or_else(|| bad(line))?;
        let config = &mut self.image.config;
        match word {
            "ARG" => self.arg(rest),
            "ENV" => {
                let env = config.entry("Env").or_insert_with(|| json!([]));
                let env = env.as_array_mut().ok_or_else(|| bad(line))?;
                env.extend(words(rest).into_iter().map(Value::from));
            }
            "LABEL" => {
                for label in words(rest) {
                    let (name, value) = label.split_once('=').ok_or_else(|| bad(line))?;
                    put(config, "Labels", name, json!(value));
                }
            }
            "EXPOSE" => {
                for port in words(rest) {
                    put(config, "ExposedPorts", &format!("{port}/tcp"), json!({}));
                }
            }
            "VOLUME" => put(config, "Volumes", rest, json!({})),
            "USER" => drop(config.insert("User".to_owned(), json!(rest))),
            "WORKDIR" => drop(config.insert("WorkingDir".to_owned(), json!(rest))),
            "ENTRYPOINT" => drop(config.insert("Entrypoint".to_owned(), list(rest)?)),
            "HEALTHCHECK" => drop(config.insert("Healthcheck".to_owned(), health_check(rest)?)),
            "COPY" => self.image.copies.push(copy(line)?),
            _ => return Err(bad(line)),
        }
        Ok(())
    }
}

/// Puts an entry into a map of the config.
fn put(config: &mut Map<String, Value>, map: &str, name: &str, value: Value) {
    let map = config.entry(map).or_insert_with(|| json!({}));
    if let Some(map) = map.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

/// Split at spaces that are not in quotes, which are dropped.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in text.chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words
                .last_mut()
                .into_iter()
                .for_each(|word| word.push(char)),
        }
    }
    words
}

/// The exec form.
fn list(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| bad(text))
}

/// `--interval=5s … CMD ["program"]`, times in nanoseconds.
fn health_check(text: &str) -> Result<Value, String> {
    let (options, program) = text.split_once("CMD ").ok_or_else(|| bad(text))?;
    let mut test = vec![json!("CMD")];
    test.extend(list(program)?.as_array().cloned().unwrap_or_default());
    let mut check = json!({ "Test": test });
    for option in options.split_whitespace() {
        let (name, time) = option.split_once('=').ok_or_else(|| bad(text))?;
        let name = match name {
            "--interval" => "Interval",
            "--timeout" => "Timeout",
            "--start-period" => "StartPeriod",
            _ => return Err(bad(text)),
        };
        let seconds = time.strip_suffix('s').and_then(|time| time.parse().ok());
        let seconds: u64 = seconds.ok_or_else(|| bad(text))?;
        check[name] = json!(seconds * 1_000_000_000);
    }
    Ok(check)
}

/// `COPY --from=binaries [--chown=USER:GROUP] /src/dist/… TO`
fn copy(line: &str) -> Result<Copy, String> {
    let mut owner = (0, 0);
    let mut paths = Vec::new();
    for word in line.split(' ').skip(1) {
        if let Some(ids) = word.strip_prefix("--chown=") {
            let ids = ids.split_once(':').ok_or_else(|| bad(line))?;
            let id = |text: &str| text.parse::<u64>().map_err(|_| bad(line));
            owner = (id(ids.0)?, id(ids.1)?);
        } else if word != "--from=binaries" {
            paths.push(word);
        }
    }
    match paths.as_slice() {
        [from, to] => Ok(Copy {
            line: line.to_owned(),
            from: from
                .strip_prefix("/src/dist/")
                .ok_or_else(|| bad(line))?
                .to_owned(),
            to: to.trim_start_matches('/').to_owned(),
            owner,
        }),
        _ => Err(bad(line)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
# A comment.
ARG WHICH=one
FROM elsewhere AS binaries
RUN anything
FROM scratch AS image-one
ENV A=1 \
    B=2
HEALTHCHECK --interval=5s --start-period=10s CMD ["/bin/probe", "-v"]
ENTRYPOINT ["/bin/one"]
VOLUME /data
FROM image-${WHICH}
ARG WHICH
LABEL title="the ${WHICH}" licence=MIT
EXPOSE 80 81
COPY --from=binaries /src/dist/${WHICH}/bin /bin
COPY --from=binaries --chown=7:8 /src/dist/${WHICH}/data /data
WORKDIR /data
USER 7:8
"#;

    #[test]
    fn an_image_is_what_its_stages_say_one_after_the_other() {
        let image = read(SMALL, &[]).unwrap();
        let expected = json!({
            "Env": ["A=1", "B=2"],
            "Healthcheck": {
                "Test": ["CMD", "/bin/probe", "-v"],
                "Interval": 5_000_000_000_u64,
                "StartPeriod": 10_000_000_000_u64,
            },
            "Entrypoint": ["/bin/one"],
            "Volumes": { "/data": {} },
            "Labels": { "title": "the one", "licence": "MIT" },
            "ExposedPorts": { "80/tcp": {}, "81/tcp": {} },
            "WorkingDir": "/data",
            "User": "7:8",
        });
        assert_eq!(Value::from(image.config), expected);
        let copies = image
            .copies
            .iter()
            .map(|copy| (&*copy.from, &*copy.to, copy.owner));
        let expected = [("one/bin", "bin", (0, 0)), ("one/data", "data", (7, 8))];
        assert_eq!(copies.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_needs_an_engine_is_refused() {
        for line in [
            "RUN true",
            "COPY --from=other /a /b",
            "ADD a b",
            "LABEL a=${B}",
        ] {
            let error = read(&format!("FROM scratch\n{line}\n"), &[]).unwrap_err();
            assert!(error.contains(line), "{error}");
        }
        let error = read(SMALL, &[("WHICH", "two")]).unwrap_err();
        assert_eq!(error, "image-two is no stage of the Dockerfile");
    }
}
