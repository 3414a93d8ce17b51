# What the user may write in `profiles` and `profile_rules`. core/planning/profiles.py has the same lists and all defaults;
# a test compares them.
locals {
  profile_names   = ["dashcam-routine", "dashcam-event", "parking", "phone", "creator", "audio", "photo"]
  image_engines   = ["off", "lambda", "rekognition", "rekognition-video", "cascade"]
  speech_engines  = ["off", "lambda", "transcribe"]
  escalations     = ["people", "vehicles", "text", "uncertain", "event", "novel"]
  renditions      = ["proxy", "web", "mobile", "youtube", "hls", "audio"]
  detectors_given = { for name, detector in var.custom_detectors : name => { for field, value in detector : field => value if value != null } }
  profiles_given  = { for name, profile in var.profiles : name => { for field, value in profile : field => value if value != null } }
  rules_given     = [for rule in var.profile_rules : { for field, value in rule : field => value if value != null }]
  environment_max = 2500

  # Only what the user set: a function's environment has room for 4 KB (Lambda's quotas).
  profile_environment = merge(
    length(var.custom_detectors) == 0 ? {} : { IMPP_CUSTOM_DETECTORS = jsonencode(local.detectors_given) },
    length(var.profiles) == 0 ? {} : { IMPP_PROFILES = jsonencode(local.profiles_given) },
    length(var.profile_rules) == 0 ? {} : { IMPP_PROFILE_RULES = jsonencode(local.rules_given) },
  )
}
