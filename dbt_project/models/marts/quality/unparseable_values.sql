with

ci01 as (

    select
        snapshot_month,
        unparseable_text
    from {{ ref('stg_ukltd__companies') }}
    where unparseable_text is not null and {{ delivered_by_build_month() }}

),

ac01 as (

    select
        snapshot_month,
        unparseable_text
    from {{ ref('stg_ukltd__accounts') }}
    where unparseable_text is not null and {{ delivered_by_build_month() }}

),

ac06 as (

    select
        snapshot_month,
        unparseable_text
    from {{ ref('stg_ukltd__accounts_ratios') }}
    where unparseable_text is not null and {{ delivered_by_build_month() }}

),

mr01 as (

    select
        snapshot_month,
        unparseable_text
    from {{ ref('stg_ukltd__charges') }}
    where unparseable_text is not null and {{ delivered_by_build_month() }}

),

mr02 as (

    select
        snapshot_month,
        unparseable_text
    from {{ ref('stg_ukltd__chargeholders') }}
    where unparseable_text is not null and {{ delivered_by_build_month() }}

),

final as (

    {{ unparseable_values(['ci01', 'ac01', 'ac06', 'mr01', 'mr02']) }}

)

select * from final
