"""Names and folders of real cameras: what each tells, which belong together, and that the pipeline reads them alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from impp_edge.card.find import scan
from impp_edge.config import Folder
from impp_edge.footage import groups, identify
from impp_edge.footage.cameras import recognise
from impp_edge.memory.state import State
from impp_lambdas.core.intake import cameras as cloud_cameras

# path on the card | maker | source | camera | recording | capture time as written | group (empty: of the time)
TABLE = """
BlackVue/Record/20260115_081502_NF.mp4          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NR.mp4          | blackvue  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NI.mp4          | blackvue  | dashcam | interior       | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NO.mp4          | blackvue  | dashcam | optional       | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_EF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_PF.mp4          | blackvue  | dashcam | front          | parking | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_MR.mp4          | blackvue  | dashcam | rear           | manual  | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_IF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_OF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_AF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_TR.mp4          | blackvue  | dashcam | rear           | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_BF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_RF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_XF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_GF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_DI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_LI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_YI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_FI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NFS.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NFL.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NF.thm          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_PR.thm          | blackvue  | dashcam | rear           | parking | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_N.gps           | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_E.3gf           | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
blackvue/record/20260115_081502_nf.MP4          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/19700101_000012_NF.mp4          | blackvue  | dashcam | front          | routine |                     | 19700101_000012
DCIM/Movie/2026_0115_081502_000123F.MP4         | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000124R.MP4         | viofo     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000125I.MP4         | viofo     | dashcam | interior       | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000126T.MP4         | viofo     | dashcam | telephoto      | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_F.MP4               | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_123.MP4             | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/2026_0115_081502_000127PF.MP4| viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/2026_0115_081502_000127PR.MP4| viofo     | dashcam | rear           | parking | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000127PI.MP4        | viofo     | dashcam | interior       | parking | 2026-01-15 08:15:02 |
DCIM/Parking/2026_0115_081502_000127F.MP4       | viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/Movie/RO/2026_0115_081502_000128F.MP4      | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/RO/2026_0115_081502_000128PR.MP4           | viofo     | dashcam | rear           | event   | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000129EF.MP4        | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/Photo/2026_0115_081502_000130F.JPG         | viofo     | dashcam | front          | manual  | 2026-01-15 08:15:02 |
DCIM/Movie/20260115081502_000130.TS             | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/20260115081502_000130.MP4            | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/RO/20260115081502_000131.MP4               | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/20260115081502_000131P.TS    | viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-front.mp4 | tesla  | dashcam | front          | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-back.mp4  | tesla  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-left_pillar.mp4 | tesla | dashcam | left-pillar | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-right_repeater.mp4 | tesla | dashcam | right-repeater | routine | 2026-01-15 08:15:02 |
TeslaCam/SavedClips/2026-01-15_08-16-30/2026-01-15_08-15-02-left_repeater.mp4 | tesla | dashcam | left-repeater | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/2026-01-15_08-16-02-front.mp4 | tesla | dashcam | front | event | 2026-01-15 08:16:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-right_pillar.mp4 | tesla | dashcam | right-pillar | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-back.mp4 | tesla | dashcam | rear | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/event.json | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/thumb.png   | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/event.mp4   | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-15-02-front.mp4 | tesla   | dashcam | front          | event   | 2026-01-15 08:15:02 |
TeslaTrackMode/2026-01-15_08-15-02-front.mp4    | tesla     | dashcam | front          | manual  | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_F.MP4              | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_R.MP4              | thinkware | dashcam | rear           | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_I.MP4              | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
cont_rec/REC_2026_01_15_08_15_02_F.MP4          | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
evt_rec/REC_2026_01_15_08_15_02_R.MP4           | thinkware | dashcam | rear           | event   | 2026-01-15 08:15:02 |
motion_rec/REC_2026_01_15_08_15_02_F.MP4        | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
evt_rec/EVT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
parking_rec/PAK_20260115_081502_F.MP4           | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
.parking_rec_sec/PAS_20260115_081502_R.MP4      | thinkware | dashcam | rear           | parking | 2026-01-15 08:15:02 |
motion_timelapse_rec/MOT_20260115_081502_I.MP4  | thinkware | dashcam | interior       | parking | 2026-01-15 08:15:02 |
manual_rec/MAN_20260115_081502_F.MP4            | thinkware | dashcam | front          | manual  | 2026-01-15 08:15:02 |
manual_rec/REC_20260115_081502_F.MP4            | thinkware | dashcam | front          | manual  | 2026-01-15 08:15:02 |
sos_rec/REC_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
sos_rec/EXT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
incabin_rec/REC_20260115_081502.MP4             | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
incabin_rec/REC_20260115_081502_I.MP4           | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502.MP4                | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
evt_rec/EVT_20260115_081502.MP4                 | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
PARK_20260115_081502.AVI                        | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/100EVENT/GRMN0001.MP4                      | garmin    | dashcam | front          | event   |                     | GRMN0001
DCIM/103SAVED/GRMN0042.MP4                      | garmin    | dashcam | front          | event   |                     | GRMN0042
DCIM/105UNSVD/GRMN9999.MP4                      | garmin    | dashcam | front          | routine |                     | GRMN9999
DCIM/105UNSVD/GRMN9999.GLV                      | garmin    | dashcam | front          | routine |                     | GRMN9999
DCIM/104PARKM/GRMN0007.MP4                      | garmin    | dashcam | front          | parking |                     | GRMN0007
DCIM/101PHOTO/GRMN0008.JPG                      | garmin    | dashcam | front          | manual  |                     | GRMN0008
Videos/260115_081502_001_FH.MP4                 | nextbase  | dashcam | front          | routine | 2026-01-15 08:15:02 |
Videos/260115_081502_001_FL.MP4                 | nextbase  | dashcam | front          | routine | 2026-01-15 08:15:02 |
Protected/260115_081502_002_RH.MP4              | nextbase  | dashcam | rear           | event   | 2026-01-15 08:15:02 |
Protected/260115_081502_002_FH.MP4              | nextbase  | dashcam | front          | event   | 2026-01-15 08:15:02 |
Videos/260115_081502_003_BH.MP4                 | nextbase  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Photo/260115_081502_004_FH.JPG                  | nextbase  | dashcam | front          | manual  | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123F.mp4            | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/Front/NO20260115-081502-000123F.mp4      | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/Back/NO20260115-081502-000123B.mp4       | 70mai     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123I.mp4            | 70mai     | dashcam | interior       | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123R.mp4            | 70mai     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Event/EV20260115-081502-000123F.mp4             | 70mai     | dashcam | front          | event   | 2026-01-15 08:15:02 |
Event/EV20260115-081502-000124F.mp4             | 70mai     | dashcam | front          | event   | 2026-01-15 08:15:02 |
Parking/PA20260115-081502-000125.mp4            | 70mai     | dashcam | front          | parking | 2026-01-15 08:15:02 |
Lapse/LA20260115-081502-000126.mp4              | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502.mp4                    | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0001_N_A.MP4             | vantrue   | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0002_N_B.MP4             | vantrue   | dashcam | interior       | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0003_N_C.MP4             | vantrue   | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Event/20260115_081502_0003_E_C.MP4              | vantrue   | dashcam | rear           | event   | 2026-01-15 08:15:02 |
Event/20260115_081502_0003_N_A.MP4              | vantrue   | dashcam | front          | event   | 2026-01-15 08:15:02 |
Parking/20260115_081502_0004_P_A.MP4            | vantrue   | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/100GOPRO/GX010123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GX020123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/2
DCIM/100GOPRO/GX120123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/12
DCIM/100GOPRO/GX010123.THM                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GL010123.LRV                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GL020123.LRV                      | gopro     | creator |                |         |                     | GOPRO-0123/2
DCIM/100GOPRO/GH010124.MP4                      | gopro     | creator |                |         |                     | GOPRO-0124/1
DCIM/100GOPRO/GH020124.MP4                      | gopro     | creator |                |         |                     | GOPRO-0124/2
DCIM/100GOPRO/GXAA0001.MP4                      | gopro     | creator |                |         |                     | GOPRO-AA/1
DCIM/100GOPRO/GXAA0002.MP4                      | gopro     | creator |                |         |                     | GOPRO-AA/2
DCIM/100GOPRO/GHAB0001.MP4                      | gopro     | creator |                |         |                     | GOPRO-AB/1
DCIM/100GOPRO/GLAA0002.LRV                      | gopro     | creator |                |         |                     | GOPRO-AA/2
DCIM/100GOPRO/GOPR0125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/1
DCIM/100GOPRO/GP010125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/2
DCIM/100GOPRO/GP020125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/3
DCIM/100GOPRO/GOPR0125.LRV                      | gopro     | creator |                |         |                     | GOPRO-0125/1
DCIM/100GOPRO/G0231111.JPG                      | gopro     | creator |                |         |                     | GOPRO-023
DCIM/100GOPRO/G0231112.JPG                      | gopro     | creator |                |         |                     | GOPRO-023
DCIM/100GOPRO/GS010135.360                      | gopro     | creator |                |         |                     | GOPRO-0135/1
DCIM/100GOPRO/GS020135.360                      | gopro     | creator |                |         |                     | GOPRO-0135/2
DCIM/100GOPRO/GS__8588.JPG                      | gopro     | creator |                |         |                     | GOPRO-8588
DCIM/100GOPRO/GPAA7112.JPG                      | gopro     | creator |                |         |                     | GOPRO-7112
DCIM/100GOPRO/GG010059.MP4                      | gopro     | creator |                |         |                     | GOPRO-0059/1
DCIM/100GOPRO/3D_L0002.MP4                      | gopro     | creator |                |         |                     | GOPRO-0002
DCIM/DJI_001/DJI_20260115081502_0001_D.MP4      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_D.LRF      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_D.SRT      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_T.JPG      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0002_D_A01.MP4  | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/100MEDIA/DJI_0042.MOV                      | dji       | creator |                |         |                     | DJI_0042
DCIM/100MEDIA/DJI_0042.SRT                      | dji       | creator |                |         |                     | DJI_0042
DCIM/100MEDIA/DJI_0043.DNG                      | dji       | creator |                |         |                     | DJI_0043
DCIM/Camera/PXL_20260115_081502123.mp4          | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.TS.mp4       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.LS.mp4       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.MP.jpg       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.NIGHT.jpg    | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.PORTRAIT-01.COVER.jpg | pixel | phone |             |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.RAW-02.ORIGINAL.dng | pixel | phone |               |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123~2.jpg        | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/IMG_20260115_081502.jpg             | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_123.jpg         | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_HDR.jpg         | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_BURST001_COVER.jpg | android | phone  |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/MVIMG_20260115_081502.jpg           | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/VID_20260115_081502.mp4             | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/VID_20260115_081502~2.mp4           | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/PANO_20260115_081502.jpg            | android   | phone   |                |         | 2026-01-15 08:15:02 |
Pictures/Screenshots/Screenshot_20260115-081502.png | android | phone |                |         | 2026-01-15 08:15:02 |
WhatsApp/Media/IMG-20260115-WA0001.jpg          | whatsapp  | phone   |                |         |                     | IMG-20260115-WA0001
WhatsApp/Media/VID-20260115-WA0002.mp4          | whatsapp  | phone   |                |         |                     | VID-20260115-WA0002
DCIM/Camera/20260115_081502.mp4                 | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502.heic                | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502_001.jpg             | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502(0).jpg              | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502_Burst01.jpg         | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502~2.mp4               | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/101APPLE/IMG_0001.MOV                      | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0001.HEIC                     | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0001.AAE                      | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_E0001.HEIC                    | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_O0001.AAE                     | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0002.JPG                      | iphone    | phone   |                |         |                     | IMG_0002
DCIM/101APPLE/IMG_0003 2.PNG                    | iphone    | phone   |                |         |                     | IMG_0003
"""  # noqa: E501
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]
PATHS = [row[0] for row in ROWS]
STRANGERS = [
    "holiday.mp4", "20261399_996199_NF.mp4", "IMG_1.MOV", "GX01.MP4", "REC_2026.MP4", "2026_0115_081502_000123X.MP4",
    "clip 1.mov", "VID.mp4", "20260115.mp4", "NO2026-01.mp4", "event.json", "a", "GRMN1.MP4", "DJI_1.MP4", "GX010123",
    "SentryClips/x/event.json", "SentryClips/event.json", "2026-01-15_08-16-30/thumb.png", "GX010123.exe", "",
    "20260115_081502_NF.mp4\n", "IMG_\u0660\u0660\u0660\u0661.MOV", "20260115_081502_NF.mp4.part",
]  # fmt: skip


def seen(path: str) -> tuple[list[str], str]:
    *folders, name = path.split("/")
    return folders, name


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(set(PATHS)) == len(PATHS) >= 150


@pytest.mark.parametrize(("path", "maker", "source", "camera", "recording", "taken", "group"), ROWS, ids=PATHS)
def test_known_cameras(path: str, maker: str, source: str, camera: str, recording: str, taken: str, group: str) -> None:
    found = recognise(*seen(path))
    assert found is not None
    assert (found.maker, found.source, found.camera or "", found.recording or "") == (maker, source, camera, recording)
    assert (str(found.taken) if found.taken else "") == taken
    expected, _, chapter = group.partition("/")
    assert found.group == (expected or re.sub(r"[-:]", "", taken).replace(" ", "_"))
    assert str(found.chapter or "") == chapter


@pytest.mark.parametrize("path", PATHS)
def test_the_pipeline_reads_the_same_names_the_same_way(path: str) -> None:
    """An object without our metadata must end as one with it: the cloud's own table may not say otherwise."""
    ours, theirs = recognise(*seen(path)), cloud_cameras.recognise(path)
    assert ours is not None and theirs is not None
    assert (ours.maker, ours.source, ours.camera, ours.taken, ours.recording) == (
        theirs.maker,
        theirs.source,
        theirs.camera,
        theirs.taken,
        theirs.recording,
    )


@pytest.mark.parametrize("path", STRANGERS)
def test_other_names_are_no_cameras(path: str) -> None:
    found, cloud = recognise(*seen(path)), cloud_cameras.recognise(path)
    assert found is None or found.taken is None
    assert (found is None) == (cloud is None)


@pytest.mark.parametrize(
    "together",
    [
        ["20260115_081502_NF.mp4", "20260115_081502_NR.mp4", "20260115_081502_N.gps", "20260115_081502_N.3gf"],
        ["2026_0115_081502_000123F.MP4", "2026_0115_081502_000124R.MP4"],  # not by the sequence number
        ["NO20260115-081502-000123F.mp4", "EV20260115-081502-000123F.mp4"],  # locking renames
        ["GX010123.MP4", "GX010123.THM", "GL010123.LRV"],
        ["IMG_0001.HEIC", "IMG_0001.MOV", "IMG_E0001.HEIC", "IMG_0001.AAE"],
        ["PXL_20260115_081502123.RAW-01.COVER.jpg", "PXL_20260115_081502123.RAW-02.ORIGINAL.dng"],
    ],
)
def test_files_of_one_moment_belong_together(together: list[str]) -> None:
    found = [recognise([], name) for name in together]
    assert len({one and one.moment for one in found}) == 1
    assert None not in found


def test_chapters_and_a_teslas_minutes_are_moments_of_one_group() -> None:
    for path, other in [
        ("GX010123.MP4", "GX020123.MP4"),
        ("GOPR0123.MP4", "GP010123.MP4"),
        (
            "SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-front.mp4",
            "SentryClips/2026-01-15_08-16-30/2026-01-15_08-16-02-front.mp4",
        ),
    ]:
        first, second = recognise(*seen(path)), recognise(*seen(other))
        assert first and second and first.group == second.group and first.moment != second.moment


FOLDER = {
    "20260115_081502_NF.mp4", "20260115_081502_NR.mp4", "20260115_081502_NF.thm", "20260115_081502_NR.thm",
    "20260115_081502_N.gps", "20260115_081502_N.3gf", "20260115_081502_E.gps", "20260115_081502_NFL.mp4",
    "GX010123.MP4", "GX010123.THM", "GL010123.LRV", "GX020123.MP4", "GL020123.LRV",
    "GOPR0125.MP4", "GOPR0125.LRV", "GOPR0125.THM",
    "DJI_0042.MP4", "DJI_0042.SRT", "DJI_0042.LRF", "DJI_0043.MP4",
    "GRMN0001.MP4", "GRMN0001.GLV",
    "260115_081502_001_FH.MP4", "260115_081502_001_FL.MP4", "260115_081502_002_FL.MP4",
    "IMG_0001.HEIC", "IMG_0001.MOV", "IMG_0001.AAE", "IMG_E0001.HEIC", "IMG_O0001.AAE",
    "holiday.mov", "holiday.srt",
}  # fmt: skip
OWN = {
    "20260115_081502_NF.mp4": ["20260115_081502_N.3gf", "20260115_081502_N.gps", "20260115_081502_NF.thm"],
    "20260115_081502_NR.mp4": ["20260115_081502_N.3gf", "20260115_081502_N.gps", "20260115_081502_NR.thm"],
    "GX010123.MP4": ["GL010123.LRV", "GX010123.THM"],
    "GX020123.MP4": ["GL020123.LRV"],
    "GOPR0125.MP4": ["GOPR0125.LRV", "GOPR0125.THM"],
    "DJI_0042.MP4": ["DJI_0042.LRF", "DJI_0042.SRT"],
    "DJI_0043.MP4": [],
    "GRMN0001.MP4": ["GRMN0001.GLV"],
    "260115_081502_001_FH.MP4": ["260115_081502_001_FL.MP4"],
    "260115_081502_002_FL.MP4": [],
    "IMG_0001.HEIC": ["IMG_0001.AAE", "IMG_O0001.AAE"],
    "IMG_E0001.HEIC": ["IMG_0001.AAE", "IMG_O0001.AAE"],
    "holiday.mov": ["holiday.srt"],
    "20260115_081502_N.gps": [],
}


@pytest.mark.parametrize("name", OWN)
def test_a_clip_finds_its_sidecars(name: str) -> None:
    assert groups.sidecars(name, FOLDER) == OWN[name]
    for sidecar in OWN[name]:
        assert groups.is_sidecar([], sidecar)
        assert name in groups.clips(sidecar, FOLDER)


def test_an_event_has_its_file_and_picture() -> None:
    folder = {"2026-01-15_08-15-02-front.mp4", "2026-01-15_08-15-02-back.mp4", "event.json", "thumb.png"}
    assert groups.sidecars("2026-01-15_08-15-02-front.mp4", folder) == ["event.json", "thumb.png"]
    assert groups.clips("thumb.png", folder) == ["2026-01-15_08-15-02-back.mp4", "2026-01-15_08-15-02-front.mp4"]


def test_a_twin_may_stand_alone() -> None:
    assert groups.clips("260115_081502_002_FL.MP4", FOLDER) == []
    assert groups.clips("260115_081502_001_FL.MP4", FOLDER) == ["260115_081502_001_FH.MP4"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GX010123.THM", "data"), ("a.srt", "data"), ("20260115_081502_N.gps", "data"), ("x.3gf", "data"),
        ("IMG_0001.aae", "data"), ("event.json", "data"), ("Thumb.png", "data"),
        ("GL010123.LRV", "proxy"), ("DJI_0042.lrf", "proxy"), ("GRMN0001.GLV", "proxy"),
        ("260115_081502_001_FL.MP4", "proxy"), ("260115_081502_001_fl.mp4", "proxy"),
        ("260115_081502_001_FH.MP4", None), ("GX010123.MP4", None), ("IMG_0001.MOV", None), ("other.json", None),
    ],
)  # fmt: skip
def test_which_files_only_belong_to_another(name: str, kind: str | None) -> None:
    assert groups.is_sidecar([], name) == kind


def test_no_name_takes_long() -> None:
    """Patterns may not back-track: a name as long as a file system allows is refused in few steps."""
    for piece in ("20260115_081502_", "IMG_20260115_081502_", "(1)", "~1", " 1", "_HDR", "-edited", "G" * 5, "0"):
        for start in ("", "IMG_0001", "20260115_081502", "IMG_20260115_081502", "PXL_20260115_081502123"):
            name = (start + piece * 255)[:250] + "!"
            assert recognise(["RO"] * 50, name) is None


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"\x00\x00\x00\x18ftypmp42", True), (b"\x00\x00\x00\x08wide", True), (b"\x1aE\xdf\xa3", True),
        (b"RIFF\x00\x00\x00\x00AVI LIST", True), (b"RIFF\x00\x00\x00\x00WAVEfmt ", True), (b"\xff\xd8\xff\xe1", True),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", True), (b"\xff\xfb\x90", True),
        (b"", False), (b"plain text", False), (b"PK\x03\x04", False), (b"G" + bytes(400), False), (b"%PDF-1.7", False),
    ],
)  # fmt: skip
def test_footage_is_known_by_its_first_bytes(head: bytes, media: bool) -> None:
    assert identify.is_media("unknown", head) is media


@pytest.mark.parametrize(
    "name",
    ["._20260115_081502_NF.mp4", "FSCK0001.REC", ".diskdb", "firmware.bin", "x.mp4.part", ".trashed-1768-IMG.jpg",
     "Thumbs.db", ".DS_Store"],
)  # fmt: skip
def test_junk_is_not_even_looked_at(name: str, tmp_path: Path) -> None:
    card = tmp_path / "card"
    for folder in (".", ".Trashes", "System Volume Information", "FOUND.000"):
        (card / folder).mkdir(parents=True, exist_ok=True)
        (card / folder / ("a.mp4" if folder != "." else name)).write_bytes(b"\x00\x00\x00\x18ftypmp42")
    state = State(tmp_path / "state")
    assert list(scan(Folder(card), state, "bucket", lambda *_: None)) == []
    (card / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    assert [found.name for found in scan(Folder(card), state, "bucket", lambda *_: None)] == [b"a.mp4"]
    state.close()
