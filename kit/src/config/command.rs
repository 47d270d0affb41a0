//! From tables of settings to a command line, and from its words to values.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{BadSetting, DATA_DIR, Environment, Kind, Scope, Setting, Settings, Value};

/// A command line in the making: a name, and the settings of one service or of several.
pub struct Program {
    command: Command,
    specs: Vec<Spec>,
}

/// A setting under the name that it has on this command line.
struct Spec {
    setting: Setting,
    flag: String,
    default: Option<String>,
    /// A variable that is honoured for the sake of clients that know it, before our own.
    alias: Option<&'static str>,
    /// What `--help` says beside that.
    note: Option<String>,
}

/// What came of a command line.
pub enum Outcome {
    /// Settings to run with.
    Run(Settings),
    /// Help or version, to be printed; the process is done.
    Print(String),
}

impl Program {
    /// A program with a name and a sentence about it.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            specs: Vec::new(),
        }
    }

    /// Adds a table; `service` names the service in `muster up`.
    pub fn settings(mut self, table: &[Setting], service: Option<&str>) -> Self {
        for setting in table {
            let flag = match service {
                Some(service) if setting.scope == Scope::Service => {
                    format!("{service}-{}", setting.name)
                }
                _ => setting.name.to_owned(),
            };
            if !self.specs.iter().any(|spec| spec.flag == flag) {
                let default = setting.default.map(str::to_owned);
                self.specs.push(Spec {
                    setting: *setting,
                    flag,
                    default,
                    alias: None,
                    note: None,
                });
            }
        }
        self
    }

    /// Gives a setting another default.
    pub fn default(mut self, flag: &str, default: impl Into<String>) -> Self {
        let default = default.into();
        for spec in self.specs.iter_mut().filter(|spec| spec.flag == flag) {
            spec.default = Some(default.clone());
        }
        self
    }

    /// Lets a setting also be named by a variable of another name.
    pub fn alias(mut self, flag: &str, variable: Option<&'static str>) -> Self {
        for spec in self.specs.iter_mut().filter(|spec| spec.flag == flag) {
            spec.alias = variable;
        }
        self
    }

    /// Says something more in `--help`.
    pub fn note(mut self, flag: &str, note: Option<String>) -> Self {
        for spec in self.specs.iter_mut().filter(|spec| spec.flag == flag) {
            spec.note.clone_from(&note);
        }
        self
    }

    /// The command with all its flags, for `--help` and as a subcommand.
    pub fn command(&self) -> Command {
        let args = self.specs.iter().map(Spec::arg);
        self.command.clone().args(args)
    }

    /// Reads a command line.
    ///
    /// # Errors
    /// A word is unknown, or a `_FILE` cannot be read.
    pub fn parse(
        &self,
        words: impl IntoIterator<Item = String>,
        environment: &Environment,
    ) -> Result<Outcome, BadSetting> {
        match self.command().try_get_matches_from(words) {
            Ok(matches) => self.resolve(&matches, environment).map(Outcome::Run),
            Err(error) if !error.use_stderr() => Ok(Outcome::Print(error.render().to_string())),
            Err(error) => Err(BadSetting(first_line(&error.render().to_string()))),
        }
    }

    /// The values: a flag wins over the environment, that over the default.
    ///
    /// # Errors
    /// A `_FILE` cannot be read.
    pub fn resolve(
        &self,
        matches: &ArgMatches,
        environment: &Environment,
    ) -> Result<Settings, BadSetting> {
        let mut settings = Settings::default();
        for spec in &self.specs {
            let given = matches.get_one::<String>(&spec.flag).cloned();
            let flag = given.is_some();
            let text = match given {
                Some(text) => Some(text),
                None => spec.in_environment(environment)?,
            };
            if let Some(text) = text {
                let secret = spec.setting.kind == Kind::Secret;
                settings
                    .values
                    .insert(spec.flag.clone(), Value { text, secret, flag });
            }
        }
        let data: Option<String> = settings.optional("data")?;
        self.fill_defaults(&mut settings, data.as_deref().unwrap_or(DATA_DIR));
        Ok(settings)
    }

    fn fill_defaults(&self, settings: &mut Settings, data_dir: &str) {
        for spec in &self.specs {
            let Some(default) = &spec.default else {
                continue;
            };
            let secret = spec.setting.kind == Kind::Secret;
            let text = default.replace(DATA_DIR, data_dir);
            let value = Value {
                text,
                secret,
                flag: false,
            };
            settings.values.entry(spec.flag.clone()).or_insert(value);
        }
    }
}

impl Spec {
    fn variable(&self) -> String {
        format!("MUSTER_{}", self.flag.to_uppercase().replace('-', "_"))
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.flag.clone()).long(self.flag.clone());
        let arg = arg.help(self.help()).value_name(self.setting.value);
        let arg = arg.action(ArgAction::Set);
        match self.setting.kind {
            Kind::Switch => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
            Kind::Value | Kind::Secret => arg,
        }
    }

    fn help(&self) -> String {
        let mut variables = self.variable();
        if let Some(alias) = self.alias {
            variables = format!("{variables}, {alias}");
        }
        if self.setting.kind == Kind::Secret {
            variables = format!("{variables}, {}_FILE", self.variable());
        }
        if let Some(note) = &self.note {
            variables = format!("{variables}, {note}");
        }
        match &self.default {
            Some(default) => format!(
                "{} [env: {variables}] [default: {default}]",
                self.setting.help
            ),
            None => format!("{} [env: {variables}]", self.setting.help),
        }
    }

    fn in_environment(&self, environment: &Environment) -> Result<Option<String>, BadSetting> {
        let alias = self.alias.and_then(|alias| environment.get(alias));
        let own = environment.get(&self.variable());
        if let Some(text) = alias.or(own).filter(|text| !text.is_empty()) {
            return Ok(Some(text.clone()));
        }
        let twin = format!("{}_FILE", self.variable());
        match environment.get(&twin) {
            Some(path) if self.setting.kind == Kind::Secret => read_secret(&twin, path).map(Some),
            _ => Ok(None),
        }
    }
}

fn read_secret(variable: &str, path: &str) -> Result<String, BadSetting> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(BadSetting(format!("{variable} {path:?}: {error}"))),
    }
}

/// clap explains over several lines; a bad setting is one.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const TABLE: &[Setting] = &[
        Setting::of_service("store", "URL", "where it is kept").or("sqlite:./muster-data/x.db"),
        Setting::of_service("smtp", "URL", "how mail leaves").kind(Kind::Secret),
        Setting::of_suite("drain", "TIME", "how long a stop waits").or("10s"),
        Setting::of_suite("data", "DIR", "where the stores live"),
        Setting::of_suite("insecure", "BOOL", "take the risk").kind(Kind::Switch),
    ];

    fn run(
        service: Option<&str>,
        words: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Settings, BadSetting> {
        let program = Program::new(Command::new("x")).settings(TABLE, service);
        let program = program.alias("drain", Some("DRAIN"));
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let words = ["x"].iter().chain(words).map(|word| (*word).to_owned());
        match program.parse(words, &env.collect())? {
            Outcome::Run(settings) => Ok(settings),
            Outcome::Print(text) => panic!("{text}"),
        }
    }

    fn text(settings: &Settings, name: &str) -> String {
        settings.get(name).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_default() {
        let env = [("MUSTER_STORE", "from-env")];
        assert_eq!(
            text(&run(None, &["--store", "flag"], &env).unwrap(), "store"),
            "flag"
        );
        assert_eq!(text(&run(None, &[], &env).unwrap(), "store"), "from-env");
        assert_eq!(
            text(&run(None, &[], &[]).unwrap(), "store"),
            "sqlite:./muster-data/x.db"
        );
    }

    #[test]
    fn an_alias_wins_over_our_own_variable() {
        let env = [("DRAIN", "1s"), ("MUSTER_DRAIN", "2s")];
        assert_eq!(text(&run(None, &[], &env).unwrap(), "drain"), "1s");
    }

    #[test]
    fn in_the_suite_a_services_settings_carry_its_name() {
        let env = [("MUSTER_USERS_STORE", "from-env")];
        let settings = run(Some("users"), &["--drain=3s"], &env)
            .unwrap()
            .of("users");
        assert_eq!(text(&settings, "store"), "from-env");
        assert_eq!(text(&settings, "drain"), "3s");
    }

    #[test]
    fn the_data_folder_moves_the_defaults_but_not_what_was_given() {
        let moved = run(None, &["--data", "/elsewhere"], &[]).unwrap();
        assert_eq!(text(&moved, "store"), "sqlite:/elsewhere/x.db");
        let given = run(
            None,
            &["--data", "/elsewhere", "--store=./muster-data/y"],
            &[],
        )
        .unwrap();
        assert_eq!(text(&given, "store"), "./muster-data/y");
    }

    #[test]
    fn a_secret_may_lie_in_a_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "smtp://a:b@c\n").unwrap();
        let settings = run(None, &[], &[("MUSTER_SMTP_FILE", path.to_str().unwrap())]).unwrap();
        assert_eq!(text(&settings, "smtp"), "smtp://a:b@c");
        let error = settings.get::<u16>("smtp").unwrap_err().to_string();
        assert!(
            error.starts_with("--smtp: ") && !error.contains("a:b"),
            "{error}"
        );
    }

    #[test]
    fn a_port_alone_replaces_that_of_the_default_but_not_that_of_a_flag() {
        let listen = |words: &[&str]| {
            let table = &[Setting::of_service("listen", "ADDR", "where").or("localhost:1")];
            let program = Program::new(Command::new("x")).settings(table, None);
            let words = ["x"].iter().chain(words).map(|word| (*word).to_owned());
            match program.parse(words, &Environment::new()).unwrap() {
                Outcome::Run(settings) => settings,
                Outcome::Print(text) => panic!("{text}"),
            }
        };
        let with_port = |words| listen(words).with_port("PORT", "7").unwrap();
        assert_eq!(text(&with_port(&[]), "listen"), "localhost:7");
        assert_eq!(text(&with_port(&["--listen=:2"]), "listen"), ":2");
        let empty = listen(&[]).with_port("PORT", "").unwrap();
        assert_eq!(
            text(&empty, "listen"),
            "localhost:1",
            "empty counts as absent"
        );
        let error = listen(&[]).with_port("PORT", "many").unwrap_err();
        assert_eq!(error.to_string(), "PORT \"many\": expected a port");
    }

    #[test]
    fn a_switch_needs_no_value() {
        assert!(
            run(None, &["--insecure"], &[])
                .unwrap()
                .switch("insecure")
                .unwrap()
        );
        assert!(
            !run(None, &["--insecure=false"], &[])
                .unwrap()
                .switch("insecure")
                .unwrap()
        );
        assert!(!run(None, &[], &[]).unwrap().switch("insecure").unwrap());
    }

    #[test]
    fn a_bad_value_is_one_line_that_names_the_setting() {
        let error = run(None, &["--drain", "soon"], &[])
            .unwrap()
            .get::<u16>("drain")
            .unwrap_err();
        assert!(
            error.to_string().starts_with("--drain \"soon\": "),
            "{error}"
        );
        let unknown = run(None, &["--stroe", "x"], &[]).unwrap_err().to_string();
        assert!(
            unknown.contains("--stroe") && !unknown.contains('\n'),
            "{unknown}"
        );
    }
}
