//! The devices a build can hold, and the cargo feature that compiles each in.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

/// Every kind of device; the name is the cargo feature's, too. The flag says whether `:N` may choose
/// one of several, as it may among GPUs.
const KINDS: [(&str, bool); 7] = [
    ("flex", false),
    ("ndarray", false),
    ("wgpu", true),
    ("vulkan", true),
    ("metal", true),
    ("rocm", true),
    ("cuda", true),
];

/// A device as it is named on the command line, such as `flex` or `cuda:1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The kind, which is the name of its cargo feature.
    pub feature: &'static str,
    index: Option<usize>,
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index)),
            None => (text, None),
        };
        let Some((feature, has_index)) = KINDS.iter().copied().find(|(name, _)| *name == kind)
        else {
            bail!("unknown device `{text}`; known are {}", known());
        };
        if index.is_some() && !has_index {
            bail!(
                "device `{text}`: {feature} takes no index; known are {}",
                known()
            );
        }
        let index = index
            .map(str::parse)
            .transpose()
            .with_context(|| format!("device `{text}`: expected a number after `{feature}:`"))?;
        Ok(Self { feature, index })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(formatter, "{}:{index}", self.feature),
            None => formatter.write_str(self.feature),
        }
    }
}

fn known() -> String {
    let names = KINDS.map(|(name, has_index)| {
        if has_index {
            format!("{name}[:N]")
        } else {
            name.to_string()
        }
    });
    names.join(", ")
}

/// The `--features` value that compiles the devices in, each feature as `PREFIX` + kind; flex is in every build.
/// None when no feature is needed.
pub fn features(devices: &[Device], prefix: &str) -> Option<String> {
    let mut features: Vec<String> = Vec::new();
    for device in devices.iter().filter(|device| device.feature != "flex") {
        let feature = format!("{prefix}{}", device.feature);
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    (!features.is_empty()).then(|| features.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_chooses_the_device_and_not_the_feature() {
        let device: Device = "cuda:1".parse().unwrap();
        assert_eq!(device.feature, "cuda");
        assert_eq!(device.to_string(), "cuda:1");
    }

    #[test]
    fn an_unknown_device_is_answered_with_the_known_ones() {
        let message = "tpu".parse::<Device>().unwrap_err().to_string();
        assert!(message.contains("`tpu`"));
        assert!(
            message.contains("flex, ndarray, wgpu[:N], vulkan[:N], metal[:N], rocm[:N], cuda[:N]")
        );
    }

    #[test]
    fn an_index_that_is_no_number_or_has_no_place_is_refused() {
        assert!("cuda:".parse::<Device>().is_err());
        assert!("cuda:one".parse::<Device>().is_err());
        assert!("flex:0".parse::<Device>().is_err());
    }

    #[test]
    fn flex_needs_no_feature_and_none_is_named_twice() {
        let devices = ["flex", "cuda:0", "cuda:1", "ndarray"].map(|text| text.parse().unwrap());
        assert_eq!(features(&devices, "x/").unwrap(), "x/cuda,x/ndarray");
        assert_eq!(features(&devices[..1], ""), None);
    }
}
